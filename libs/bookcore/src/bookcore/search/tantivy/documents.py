"""Conversion between books, or tombstones, and tantivy documents."""

import orjson
import tantivy

from bookcore.domain.book import BookId, VersionedBook
from bookcore.events.book import BookState
from bookcore.search import RemovedBook
from bookcore.search.documents import Change, IndexedFields, build_indexed_fields, compute_tie, get_id


def build_schema() -> tantivy.Schema:
    """Word fields take text split by text.py. `state` is the whole book as JSON.

    `tie` is a hash of the id: the order of books with equal scores, independent of segments.
    """
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("version", stored=True, fast=True)
    builder.add_integer_field("tie", fast=True)
    builder.add_boolean_field("deleted", stored=True, indexed=True)
    for name in ("title", "authors", "category_words", "description"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in ("identifier", "title_key"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("source", "category", "currency", "availability"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("rating", "price"):
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_bytes_field("state", stored=True)
    return builder.build()


def to_document(change: Change) -> tantivy.Document:
    """A tombstone has only id and version, so that no search finds it."""
    document = tantivy.Document()
    key = get_id(change)
    document.add_text("id", key)
    document.add_integer("version", change.version)
    document.add_integer("tie", compute_tie(key))
    document.add_boolean("deleted", isinstance(change, RemovedBook))
    if isinstance(change, VersionedBook):
        found = build_indexed_fields(change)
        _add_words(document, found)
        _add_facts(document, found)
        document.add_bytes("state", BookState.from_stored(change).model_dump_json().encode())
    return document


def to_book(document: tantivy.Document) -> VersionedBook:
    return BookState.model_validate_json(_read_state(document)).to_book()


def read_id_and_title(document: tantivy.Document) -> tuple[BookId, str]:
    """Much cheaper than the whole book."""
    state = orjson.loads(_read_state(document))
    return BookId(state["id"]), state["title"]


def read_version(document: tantivy.Document) -> tuple[BookId, int, bool]:
    """(id, version, deleted)."""
    return BookId(document["id"][0]), document["version"][0], document["deleted"][0]


def _read_state(document: tantivy.Document) -> bytes:
    state: bytes = document["state"][0]
    return state


def _add_words(document: tantivy.Document, found: IndexedFields) -> None:
    for name, text in (
        ("title", found.title),
        ("authors", found.authors),
        ("category_words", found.category_words),
        ("description", found.description),
        ("title_key", found.title_key),
    ):
        if text:
            document.add_text(name, text)


def _add_facts(document: tantivy.Document, found: IndexedFields) -> None:
    for identifier in found.identifiers:
        document.add_text("identifier", identifier)
    document.add_text("source", found.source)
    document.add_text("availability", found.availability)
    if found.currency is not None and found.price is not None:
        document.add_text("currency", found.currency)
        document.add_integer("price", found.price)
    if found.category:
        document.add_text("category", found.category)
    if found.rating is not None:
        document.add_integer("rating", found.rating)
