"""Books written by people take the same road as crawled ones: an event, the lake, the catalogue."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock
from zlib import crc32

from bookcore.catalogue import Catalogue, queries
from bookcore.domain.book import Book, BookId, VersionedBook, from_version, to_version
from bookcore.domain.errors import Conflict, Invalid
from bookcore.domain.normalise import Rejected, hash_printed, normalise, print_book
from bookcore.event_log import EventLog
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.topics import OBSERVED
from bookcore.kit.clock import Clock

EXTRACTOR = "books-api/1"
_POLL_INTERVAL = 0.02  # seconds
_LOCKS = 64


@dataclass(frozen=True, slots=True)
class WriteResult:
    """`stored` is the row once the catalogue has the write; None when it didn't within the wait."""

    book_id: BookId
    version: int
    stored: VersionedBook | None


class BookWriter:
    """Publishes and then waits, up to `wait` seconds, until the catalogue shows it."""

    def __init__(self, log: EventLog, catalogue: Catalogue, clock: Clock, *, wait: float) -> None:
        self._event_log = log
        self._catalogue = catalogue
        self._clock = clock
        self._wait = wait
        self._locks = [Lock() for _ in range(_LOCKS)]

    @contextmanager
    def lock_book(self, book_id: str) -> Iterator[None]:
        """Held while somebody looks at a book and then writes it, so that the next one sees what was written.

        One process wide, see docs/decisions/0003. Raises: Conflict when it doesn't come within the wait.
        """
        mine = self._locks[crc32(book_id.encode()) % _LOCKS]
        if not mine.acquire(timeout=self._wait):
            raise Conflict(f"another write to {book_id} is still under way; read the book and try again")
        try:
            yield
        finally:
            mine.release()

    def put_book(self, book: Book, *, over: VersionedBook | None) -> WriteResult:
        """Create or replace; `over` is the row that this write has seen.

        Raises: Invalid when the book wouldn't be accepted, Unavailable when the event log can't take it.
        """
        printed = print_book(book)
        event = BookObserved(
            source=book.source,
            source_id=book.source_id,
            url=book.url,
            observed_at=self._compute_timestamp(over),
            content_hash="",
            extractor=EXTRACTOR,
            printed=printed,
        )
        event = event.model_copy(update={"content_hash": hash_printed(event.origin, printed)})
        checked = normalise(event.origin, printed)
        if isinstance(checked, Rejected):
            raise Invalid(checked.reason, field=checked.field)
        self._event_log.append(OBSERVED.name, [encode(event, source="books-api")])
        return self._wait_for_catalogue(book.id, event.version)

    def withdraw_book(self, over: VersionedBook) -> WriteResult:
        """Take a book out of the catalogue.

        Raises: Unavailable when the event log can't take it.
        """
        event = BookWithdrawn(
            source=over.book.source,
            source_id=over.book.source_id,
            observed_at=self._compute_timestamp(over),
            reason="deleted by an administrator",
        )
        self._event_log.append(OBSERVED.name, [encode(event, source="books-api")])
        return self._wait_for_catalogue(over.book.id, event.version)

    def _compute_timestamp(self, over: VersionedBook | None) -> datetime:
        now = to_version(self._clock.now())
        return from_version(max(now, over.version + 1 if over else 0))

    def _wait_for_catalogue(self, book_id: BookId, version: int) -> WriteResult:
        deadline = time.monotonic() + self._wait
        pause = Event()
        while True:
            with self._catalogue.begin_read() as connection:
                stored = queries.get_book(connection, book_id)
            if stored is not None and stored.version >= version:
                return WriteResult(book_id, version, stored)
            if time.monotonic() >= deadline:
                return WriteResult(book_id, version, None)
            pause.wait(_POLL_INTERVAL)
