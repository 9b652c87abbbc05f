"""Writes of editors: published as observation events like crawled books, then read back from the
catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from zlib import crc32

from bookcore.catalogue import Catalogue, queries
from bookcore.domain.book import Book, BookId, VersionedBook, from_version, to_version
from bookcore.domain.errors import Conflict
from bookcore.domain.listing_print import needs_listing
from bookcore.event_log import EventLog
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.listing import BookObservedV2
from bookcore.events.topics import OBSERVED
from bookcore.kit.clock import Clock
from bookcore.kit.tracing.messages import MessageTracer
from bookcore.kit.tracing.tracer import Tracer
from books_api.observations import build_listing_observation, build_observation
from books_api.polling import poll_until

_LOCKS = 64


@dataclass(frozen=True, slots=True)
class WriteResult:
    """`stored`: the row with the write applied; None if the catalogue didn't apply it within the wait."""

    book_id: BookId
    version: int
    stored: VersionedBook | None


class BookWriter:
    """Publishes events and waits up to `wait` seconds until the catalogue has applied them."""

    def __init__(
        self,
        log: EventLog,
        catalogue: Catalogue,
        clock: Clock,
        *,
        wait: float,
        tracer: Tracer | None = None,
    ) -> None:
        self._event_log = log
        self._catalogue = catalogue
        self._clock = clock
        self._wait = wait
        self._tracer = MessageTracer(tracer or Tracer())
        self._locks = [Lock() for _ in range(_LOCKS)]

    @contextmanager
    def lock_book(self, book_id: str) -> Iterator[None]:
        """Serialise read-modify-write of one book within this process, see docs/decisions/0003.

        Raises: Conflict when the lock isn't free within the wait.
        """
        lock = self._locks[crc32(book_id.encode()) % _LOCKS]
        if not lock.acquire(timeout=self._wait):
            raise Conflict(f"another write to {book_id} is in progress; read the book and try again")
        try:
            yield
        finally:
            lock.release()

    def put_book(self, book: Book, *, replaces: VersionedBook | None) -> WriteResult:
        """Create or replace a book; `replaces` is the row that the caller has read.

        Raises: Invalid when the ingestor would reject the book, Unavailable when the event log can't be
        written.
        """
        observed_at = self._compute_timestamp(replaces)
        build = build_listing_observation if needs_listing(book) else build_observation
        event = build(book, observed_at)
        self._append(event)
        return self._wait_for_catalogue(book.id, event.version)

    def withdraw_book(self, stored: VersionedBook) -> WriteResult:
        """Withdraw a book from the catalogue.

        Raises: Unavailable when the event log can't be written.
        """
        event = BookWithdrawn(
            source=stored.book.source,
            source_id=stored.book.source_id,
            observed_at=self._compute_timestamp(stored),
            reason="deleted by an administrator",
        )
        self._append(event)
        return self._wait_for_catalogue(stored.book.id, event.version)

    def _append(self, event: BookObserved | BookObservedV2 | BookWithdrawn) -> None:
        message = encode(event, source="books-api")
        with self._tracer.send(OBSERVED.name, [message]) as outgoing:
            self._event_log.append(OBSERVED.name, outgoing)

    def _compute_timestamp(self, over: VersionedBook | None) -> datetime:
        now = to_version(self._clock.now())
        return from_version(max(now, over.version + 1 if over else 0))

    def _wait_for_catalogue(self, book_id: BookId, version: int) -> WriteResult:
        def read_applied() -> VersionedBook | None:
            with self._catalogue.begin_read() as connection:
                stored = queries.get_book(connection, book_id)
            return stored if stored is not None and stored.version >= version else None

        return WriteResult(book_id, version, poll_until(read_applied, within=self._wait))
