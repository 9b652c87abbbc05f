"""Encodes the catalogue's events straight to bytes, equal to the output of the models in `events.book`.

A first load sends two events per book; building, validating and dumping models of validated values took half
of its time. A test compares every byte with the models' output.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from bookcore.domain.book import Book, BookId, VersionedBook
from bookcore.domain.change import Plain, compare_fields, to_plain_fields
from bookcore.events.book import BookChanged, BookGone, BookState, ChangeKind, PricedBookState, make_event_id
from bookcore.events.codec import build_cloud_event_headers
from bookcore.events.message import Message
from bookcore.events.topics import CHANGED, STATE

_JSON = ("content-type", b"application/json")
OutgoingMessage = tuple[str, Message]
"""A topic's name and a message for it."""


@dataclass(frozen=True, slots=True)
class EventEncoder:
    """Encodes events of one source at one time."""

    source: str
    now: datetime

    @classmethod
    def create(cls, source: str) -> "EventEncoder":
        """An encoder with the current time."""
        return cls(source, datetime.now(UTC))

    def encode_transition(
        self, kind: ChangeKind | None, *, after: VersionedBook, before: Book | None
    ) -> Iterator[OutgoingMessage]:
        """A BookChanged, unless `kind` is None, then a BookState or a tombstone.

        `before` is None when the book did not exist.
        """
        content = _BookContent(
            after.book.id, str(after.version), {} if after.deleted else to_plain_fields(after.book)
        )
        if kind:
            yield CHANGED.name, self._encode_changed(content, kind, before)
        yield (
            STATE.name,
            self._encode_tombstone(content) if after.deleted else self._encode_state(content, after),
        )

    def _encode_changed(self, content: "_BookContent", kind: ChangeKind, before: Book | None) -> Message:
        old = to_plain_fields(before) if before else {}
        found = [
            {"field": n, "before": was, "after": now} for n, was, now in compare_fields(old, content.fields)
        ]
        data = {
            "book_id": content.book_id,
            "version": int(content.version),
            "kind": kind.value,
            "changes": found,
        }
        return self._encode(BookChanged.type, content, data)

    def _encode_state(self, content: "_BookContent", now: VersionedBook) -> Message:
        data = {
            "id": content.book_id,
            "source": now.book.source,
            "source_id": now.book.source_id,
            **content.fields,
            "version": now.version,
            "first_seen_at": now.first_seen_at,
            "last_seen_at": now.last_seen_at,
        }
        model = BookState if now.book.price is None else PricedBookState
        return self._encode(model.type, content, data)

    def _encode(self, kind: str, content: "_BookContent", data: object) -> Message:
        event_id = make_event_id(kind, content.book_id, content.version)
        attributes = build_cloud_event_headers(
            event_id, kind, source=self.source, key=content.book_id, now=self.now
        )
        return Message(content.book_id, orjson.dumps(data, option=orjson.OPT_UTC_Z), (*attributes, _JSON))

    def _encode_tombstone(self, content: "_BookContent") -> Message:
        event_id = make_event_id(BookGone.type, content.book_id, content.version)
        attributes = build_cloud_event_headers(
            event_id, BookGone.type, source=self.source, key=content.book_id, now=self.now
        )
        return Message(content.book_id, None, (*attributes, ("version", content.version.encode())))


@dataclass(frozen=True, slots=True)
class _BookContent:
    """Fields shared by the events of one transition."""

    book_id: BookId
    version: str
    fields: Mapping[str, Plain]
