"""The online store port: the newest facts of each book, read by key in less than a millisecond.

SQL (a SQLite file on a laptop, PostgreSQL in production) or Valkey; fed from the state topic by `feed`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from threading import Event
from typing import Protocol, cast

from bookcore.domain.errors import Invalid
from bookcore.event_log import EventLog
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.events.book import BookGone, BookState
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import STATE
from bookml.facts import BookFacts, extract_facts

GROUP = "ml-api.features"


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """A book as the store knows it; `facts` None means that it is gone. `price` is exact text."""

    id: str
    version: int
    price: str
    currency: str
    facts: BookFacts | None


class OnlineStore(Protocol):
    """Blocking, safe for several threads and processes."""

    def put(self, books: Sequence[StoredFacts]) -> None:
        """Keep what is newer than what is there, by version; may be done again. Raises: Unavailable."""

    def get(self, ids: Sequence[str]) -> dict[str, StoredFacts]:
        """Those that are there and not gone. Raises: Unavailable."""

    def close(self) -> None:
        """Free files and connections."""


_ADAPTERS = {
    "sqlite": "bookml.online.sql",
    "postgresql+psycopg2": "bookml.online.sql",
    "redis": "bookml.online.redis",
    "rediss": "bookml.online.redis",
}


class _Adapter(Protocol):
    def open_store(self, url: str) -> OnlineStore: ...


def open_online_store(url: str) -> OnlineStore:
    """Raises: Invalid when no adapter speaks the URL's scheme, Unavailable."""
    scheme = url.partition("://")[0]
    if scheme not in _ADAPTERS:
        raise Invalid(f"no store for {scheme}://; use one of {', '.join(_ADAPTERS)}", field="features_url")
    return cast(_Adapter, import_module(_ADAPTERS[scheme])).open_store(url)


def create_feed(
    log: EventLog, store: OnlineStore, *, on_batch: Callable[[Sequence[StoredFacts]], None]
) -> Callable[[Event], None]:
    """The loop that keeps the store fresh until told to stop; `seen` hears of every batch that is kept."""

    def handle(batch: Batch) -> int:
        books = [known for record in batch.records if (known := _parse_record(record)) is not None]
        if books:
            store.put(books)
            on_batch(books)
        return batch.next

    return ConsumerLoop(log.create_consumer(GROUP, [STATE.name]), handle, name=GROUP).run


def _parse_record(record: Record) -> StoredFacts | None:
    """What can't be read is left out: the index parks it."""
    try:
        event = decode(record).event
    except Invalid:
        return None
    if isinstance(event, BookGone):
        return StoredFacts(event.book_id, event.version, "0", "", None)
    if not isinstance(event, BookState):
        return None
    book = event.to_book().book
    return StoredFacts(event.id, event.version, book.price.plain, book.price.currency, extract_facts(book))
