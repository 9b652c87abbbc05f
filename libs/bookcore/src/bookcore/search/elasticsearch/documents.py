"""Conversion between books, or tombstones, and Elasticsearch documents."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from bookcore.domain.book import BookId, VersionedBook
from bookcore.events.book import BookState
from bookcore.search.cards import Card
from bookcore.search.documents import Change, IndexedFields, build_indexed_fields, compute_tie, get_id

HitDocument = dict[str, Any]  # a hit of the server's response

_TOO_LONG = re.compile(r"(\S{255})\S+")  # the analyzer would split it; typed words are shorter


@dataclass(frozen=True, slots=True)
class BulkItem:
    """Two lines of a bulk request."""

    id: BookId
    action: bytes
    source: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire, line ends included."""
        return len(self.action) + len(self.source) + 2


def to_bulk_item(change: Change) -> BulkItem:
    """The external version makes the server reject outdated items. A tombstone has no searchable field."""
    key = get_id(change)
    source: dict[str, object] = {"version": change.version, "tie": compute_tie(key), "deleted": True}
    if isinstance(change, VersionedBook):
        state = BookState.from_stored(change).model_dump_json().encode()
        source |= {
            "deleted": False,
            **_build_fields(build_indexed_fields(change)),
            "state": orjson.Fragment(state),
        }
    action = {"index": {"_id": key, "version": change.version, "version_type": "external"}}
    return BulkItem(key, orjson.dumps(action), orjson.dumps(source))


def to_book(hit: HitDocument) -> VersionedBook:
    return BookState.model_validate(hit["_source"]["state"]).to_book()


def read_id_and_card(hit: HitDocument) -> tuple[BookId, Card]:
    """Much smaller than the whole book."""
    return BookId(hit["_id"]), Card.decode(hit["fields"]["card"][0])


def read_id_and_title(hit: HitDocument) -> tuple[BookId, str]:
    return BookId(hit["_id"]), hit["_source"]["state"]["title"]


def read_version(hit: HitDocument) -> tuple[BookId, int, bool]:
    """(id, version, deleted)."""
    return BookId(hit["_id"]), hit["fields"]["version"][0], hit["fields"]["deleted"][0]


def _build_fields(found: IndexedFields) -> dict[str, object]:
    """A price is a number of any size: the server rejects a value that is too large, per book."""
    numbers = {"rating": found.rating, "year": found.year, "first_seen": found.first_seen}
    return {
        **{name: _shorten_words(words) for name, words in found.words.items()},
        **found.keys,
        **{name: value for name, value in numbers.items() if value is not None},
        **({} if found.price is None else {"price": orjson.Fragment(str(found.price))}),
        "card": found.card,
    }


def _shorten_words(words: str) -> str:
    return _TOO_LONG.sub(r"\1", words)
