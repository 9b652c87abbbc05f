"""What the catalogue tells of a book, straight to bytes: the same as the models of `events.book` would write.

A first load owes two events for every book, and models that are filled, checked and dumped for values that
are checked already took half of its time. A test compares every byte with the models' own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from bookcore.domain.book import Book, BookId, VersionedBook
from bookcore.domain.change import Plain, differences, plain_fields
from bookcore.events.book import BookChanged, BookGone, BookState, ChangeKind, stable_id
from bookcore.events.codec import attributes
from bookcore.events.message import Message
from bookcore.events.topics import CHANGED, STATE

_JSON = ("content-type", b"application/json")
Sent = tuple[str, Message]
"""A topic's name and a message for it."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes events as `source`, all of one moment."""

    source: str
    now: datetime

    @classmethod
    def of(cls, source: str) -> "Teller":
        """At this moment."""
        return cls(source, datetime.now(UTC))

    def turn(self, kind: ChangeKind | None, *, now: VersionedBook, before: Book | None) -> Iterator[Sent]:
        """What became of a book: a BookChanged unless `kind` is None, then its BookState or tombstone.

        `before` is None when there was no such book.
        """
        told = _Told(now.book.id, str(now.version), {} if now.deleted else plain_fields(now.book))
        if kind:
            yield CHANGED.name, self._changed(told, kind, before)
        yield STATE.name, self._gone(told) if now.deleted else self._state(told, now)

    def _changed(self, told: "_Told", kind: ChangeKind, before: Book | None) -> Message:
        old = plain_fields(before) if before else {}
        found = [{"field": n, "before": was, "after": now} for n, was, now in differences(old, told.fields)]
        data = {
            "book_id": told.book_id,
            "version": int(told.version),
            "kind": kind.value,
            "changes": found,
        }
        return self._message(BookChanged.type, told, data)

    def _state(self, told: "_Told", now: VersionedBook) -> Message:
        data = {
            "id": told.book_id,
            "source": now.book.source,
            "source_id": now.book.source_id,
            **told.fields,
            "version": now.version,
            "first_seen_at": now.first_seen_at,
            "last_seen_at": now.last_seen_at,
        }
        return self._message(BookState.type, told, data)

    def _message(self, kind: str, told: "_Told", data: object) -> Message:
        event_id = stable_id(kind, told.book_id, told.version)
        known = attributes(event_id, kind, source=self.source, key=told.book_id, now=self.now)
        return Message(told.book_id, orjson.dumps(data, option=orjson.OPT_UTC_Z), (*known, _JSON))

    def _gone(self, told: "_Told") -> Message:
        event_id = stable_id(BookGone.type, told.book_id, told.version)
        known = attributes(event_id, BookGone.type, source=self.source, key=told.book_id, now=self.now)
        return Message(told.book_id, None, (*known, ("version", told.version.encode())))


@dataclass(frozen=True, slots=True)
class _Told:
    """What both events of a turn say."""

    book_id: BookId
    version: str
    fields: Mapping[str, Plain]
