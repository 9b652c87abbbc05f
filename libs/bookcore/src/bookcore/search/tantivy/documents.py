"""Conversion between books, or tombstones, and tantivy documents."""

import orjson
import tantivy

from bookcore.domain.book import BookId, VersionedBook
from bookcore.events.book import BookState
from bookcore.search import RemovedBook
from bookcore.search.cards import Card
from bookcore.search.documents import Change, IndexedFields, build_indexed_fields, compute_tie, get_id
from bookcore.search.text import ANALYSIS_VERSION

_WORDS = ("title", "authors", "series", "category_words", "description", "title_grams", "author_grams")
_KEYS = ("identifier", "title_key", "popularity", "author", "publisher", "language")
_COUNTED = ("source", "category", "currency", "availability")
_NUMBERS = ("rating", "price", "year", "first_seen")


def build_schema() -> tantivy.Schema:
    """Word fields take text split by `bookcore.search.text`. `state` is the whole book as JSON.

    `tie` is a hash of the id: the order of books with equal scores, independent of segments. The name of one
    empty field holds the version of the analysis, so that an index of another version is refused.
    """
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("version", stored=True, fast=True)
    builder.add_integer_field("tie", fast=True)
    builder.add_boolean_field("deleted", stored=True, indexed=True)
    for name in _WORDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in _KEYS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in _COUNTED:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in _NUMBERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_bytes_field("card", stored=True)
    builder.add_bytes_field("state", stored=True)
    builder.add_boolean_field(f"analysis_{ANALYSIS_VERSION}")
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
        _add_fields(document, build_indexed_fields(change))
        document.add_bytes("state", BookState.from_stored(change).model_dump_json().encode())
    return document


def to_book(document: tantivy.Document) -> VersionedBook:
    return BookState.model_validate_json(_read_bytes(document, "state")).to_book()


def read_id_and_card(document: tantivy.Document) -> tuple[BookId, Card]:
    """Much cheaper than the whole book."""
    return BookId(document["id"][0]), Card.decode(_read_bytes(document, "card"))


def read_id_and_title(document: tantivy.Document) -> tuple[BookId, str]:
    """Much cheaper than the whole book."""
    state = orjson.loads(_read_bytes(document, "state"))
    return BookId(state["id"]), state["title"]


def read_version(document: tantivy.Document) -> tuple[BookId, int, bool]:
    """(id, version, deleted)."""
    return BookId(document["id"][0]), document["version"][0], document["deleted"][0]


def _read_bytes(document: tantivy.Document, name: str) -> bytes:
    value: bytes = document[name][0]
    return value


def _add_fields(document: tantivy.Document, found: IndexedFields) -> None:
    for name, words in found.words.items():
        document.add_text(name, words)
    for name, keys in found.keys.items():
        for key in keys:
            document.add_text(name, key)
    for name in _NUMBERS:
        if (number := getattr(found, name)) is not None:
            document.add_integer(name, number)
    document.add_bytes("card", found.card.encode())
