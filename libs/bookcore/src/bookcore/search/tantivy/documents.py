"""A book, or the mark of a removed one, as a tantivy document; and back."""

from collections.abc import Sequence
from hashlib import sha256

import orjson
import tantivy

from bookcore.domain.book import BookId, VersionedBook
from bookcore.events.book import BookState
from bookcore.search import Removed
from bookcore.search.query import PRICE_SCALE, title_key
from bookcore.search.text import identifier_key, indexed_tokens

Change = VersionedBook | Removed


def schema() -> tantivy.Schema:
    """Fields of words take text already split by text.py. `state` is the whole book as JSON.

    `tie` is a number made of the id: the order of books that score the same, whatever the segments.
    """
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("version", stored=True, fast=True)
    builder.add_integer_field("tie", fast=True)
    builder.add_boolean_field("deleted", stored=True, indexed=True)
    for name in ("title", "category_words", "description"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in ("identifier", "title_key"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("source", "category", "availability"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("rating", "price"):
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_bytes_field("state", stored=True)
    return builder.build()


def id_of(change: Change) -> BookId:
    """Of the book, or of what was one."""
    return change.id if isinstance(change, Removed) else change.book.id


def document_of(change: Change) -> tantivy.Document:
    """A mark has no field that a search could find, only id and version."""
    document = tantivy.Document()
    key = id_of(change)
    document.add_text("id", key)
    document.add_integer("version", change.version)
    document.add_integer("tie", int.from_bytes(sha256(key.encode()).digest()[:7]))
    document.add_boolean("deleted", isinstance(change, Removed))
    if isinstance(change, VersionedBook):
        _add_words(document, change)
        _add_facts(document, change)
        document.add_bytes("state", BookState.of(change).model_dump_json().encode())
    return document


def book_of(document: tantivy.Document) -> VersionedBook:
    """As it was put."""
    return BookState.model_validate_json(_state(document)).to_book()


def name_of(document: tantivy.Document) -> tuple[BookId, str]:
    """Id and title alone; much cheaper than the whole book."""
    state = orjson.loads(_state(document))
    return BookId(state["id"]), state["title"]


def version_of(document: tantivy.Document) -> tuple[BookId, int, bool]:
    """Id, version, and whether it is the mark of a removed book."""
    return BookId(document["id"][0]), document["version"][0], document["deleted"][0]


def newest(changes: Sequence[Change]) -> dict[BookId, Change]:
    """One per id; among equal versions the first."""
    found: dict[BookId, Change] = {}
    for change in changes:
        known = found.get(id_of(change))
        if known is None or change.version > known.version:
            found[id_of(change)] = change
    return found


def _state(document: tantivy.Document) -> bytes:
    state: bytes = document["state"][0]
    return state


def _add_words(document: tantivy.Document, stored: VersionedBook) -> None:
    book = stored.book
    for name, text in (
        ("title", book.title),
        ("category_words", book.category),
        ("description", book.description),
    ):
        if text:
            document.add_text(name, " ".join(indexed_tokens(text)))
    document.add_text("title_key", title_key(book.title))


def _add_facts(document: tantivy.Document, stored: VersionedBook) -> None:
    book = stored.book
    for identifier in {
        identifier_key(text) for text in (book.id, book.source_id, *book.identifiers.values())
    }:
        document.add_text("identifier", identifier)
    document.add_text("source", book.source)
    document.add_text("availability", book.availability.status.value)
    document.add_integer("price", int(book.price.amount * PRICE_SCALE))
    if book.category:
        document.add_text("category", book.category)
    if book.rating is not None:
        document.add_integer("rating", book.rating)
