"""Port of the online feature store: the newest facts of each book by key, in less than a millisecond.

Adapters: SQL (SQLite or PostgreSQL) and Valkey. `create_feed` keeps a store current from the state topic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol, cast

from bookcore.domain.errors import Invalid
from bookcore.event_log import EventLog
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.events.book import BookGone, BookState
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import STATE
from bookcore.kit.adapters import load_adapter
from bookml.facts import BookFacts, extract_facts

GROUP = "ml-api.features"


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """Stored facts of a book; `facts` None for a deleted book. `price` is exact text, `price` and `currency`
    are empty for a book without a price.
    """

    id: str
    version: int
    price: str
    currency: str
    facts: BookFacts | None


class OnlineStore(Protocol):
    """Blocking, safe for several threads and processes."""

    def put(self, books: Sequence[StoredFacts]) -> None:
        """Store books that are newer by version. Idempotent. Raises: Unavailable."""

    def get(self, ids: Sequence[str]) -> dict[str, StoredFacts]:
        """Stored books that are not deleted. Raises: Unavailable."""

    def close(self) -> None:
        """Close files and connections."""


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
    adapter = load_adapter(url, _ADAPTERS, port="online store", field="ml_features_url")
    return cast(_Adapter, adapter).open_store(url)


def create_feed(
    log: EventLog, store: OnlineStore, *, on_batch: Callable[[Sequence[StoredFacts]], None]
) -> Callable[[Event], None]:
    """A loop that keeps the store current until its event is set; `on_batch` gets every stored batch."""

    def handle(batch: Batch) -> int:
        books = [known for record in batch.records if (known := _parse_record(record)) is not None]
        if books:
            store.put(books)
            on_batch(books)
        return batch.next

    return ConsumerLoop(log.create_consumer(GROUP, [STATE.name]), handle, name=GROUP).run


def _parse_record(record: Record) -> StoredFacts | None:
    """None for an unreadable record: the ingestor parks it."""
    try:
        event = decode(record).event
    except Invalid:
        return None
    if isinstance(event, BookGone):
        return StoredFacts(event.book_id, event.version, "0", "", None)
    if not isinstance(event, BookState):
        return None
    book = event.to_book().book
    price, currency = (book.price.plain, book.price.currency) if book.price else ("", "")
    return StoredFacts(event.id, event.version, price, currency, extract_facts(book))
