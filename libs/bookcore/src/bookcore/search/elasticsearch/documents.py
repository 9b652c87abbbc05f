"""A book, or the mark of a removed one, as a document; and back."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from bookcore.domain.book import BookId, VersionedBook
from bookcore.events.book import BookState
from bookcore.search.documents import Change, Indexed, id_of, indexed, tie_of

Found = dict[str, Any]  # a hit as the server tells it

_TOO_LONG = re.compile(r"(\S{255})\S+")  # the analyzer would make two words of it; what is typed is shorter


@dataclass(frozen=True, slots=True)
class Item:
    """Two lines of a bulk request."""

    id: BookId
    action: bytes
    source: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire, line ends included."""
        return len(self.action) + len(self.source) + 2


def item_of(change: Change) -> Item:
    """To be refused by the server unless newer than what is there. A mark has nothing to be found by."""
    key = id_of(change)
    source: dict[str, object] = {"version": change.version, "tie": tie_of(key), "deleted": True}
    if isinstance(change, VersionedBook):
        state = BookState.of(change).model_dump_json().encode()
        source |= {"deleted": False, **_fields(indexed(change)), "state": orjson.Fragment(state)}
    action = {"index": {"_id": key, "version": change.version, "version_type": "external"}}
    return Item(key, orjson.dumps(action), orjson.dumps(source))


def book_of(hit: Found) -> VersionedBook:
    """As it was put."""
    return BookState.model_validate(hit["_source"]["state"]).to_book()


def name_of(hit: Found) -> tuple[BookId, str]:
    """Id and title alone."""
    return BookId(hit["_id"]), hit["_source"]["state"]["title"]


def version_of(hit: Found) -> tuple[BookId, int, bool]:
    """Id, version, and whether it is the mark of a removed book."""
    return BookId(hit["_id"]), hit["fields"]["version"][0], hit["fields"]["deleted"][0]


def _fields(found: Indexed) -> dict[str, object]:
    fields = {
        "title": _short(found.title),
        "authors": _short(found.authors),
        "category_words": _short(found.category_words),
        "description": _short(found.description),
        "title_key": found.title_key,
        "identifier": sorted(found.identifiers),
        "source": found.source,
        "category": found.category,
        "availability": found.availability,
        "price": orjson.Fragment(
            str(found.price)
        ),  # one that is too large is the server's to refuse, by book
        "rating": found.rating,
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _short(words: str) -> str:
    return _TOO_LONG.sub(r"\1", words)
