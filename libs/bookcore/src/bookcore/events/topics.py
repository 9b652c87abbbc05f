"""The topics: events, key, retention, producers and consumers of each."""

from dataclasses import dataclass, replace
from zlib import crc32

from bookcore.domain.errors import NotFound
from bookcore.events.book import (
    BookChanged,
    BookGone,
    BookObserved,
    BookState,
    BookWithdrawn,
    Event,
    PricedBookState,
)
from bookcore.events.category import CategoryDecided
from bookcore.events.crawl import CrawlCommand, RunReported
from bookcore.events.listing import BookObservedV2
from bookcore.events.ml import ModelDecided, PredictionMade


@dataclass(frozen=True, slots=True)
class Topic:
    """`retention_days` None keeps forever; `compacted` keeps the newest message of each key."""

    name: str
    key: str
    events: tuple[type[Event], ...]
    partitions: int
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    retention_days: int | None = 30
    compacted: bool = False

    @property
    def dead_letter_topic(self) -> str:
        """Name of the topic for records that a consumer cannot read or accept."""
        return f"{self.name}.dlq"

    def assign_partition(self, key: str) -> int:
        """Equal keys map to the same partition; CRC-32 of the UTF-8 key."""
        return crc32(key.encode()) % self.partitions


OBSERVED = Topic(
    name="books.book.observed.v1",
    key="source:source_id",
    events=(BookObserved, BookObservedV2, BookWithdrawn),
    partitions=4,
    producers=("scraper", "books-api"),
    consumers=("ingestor.catalogue",),
)
CHANGED = Topic(
    name="books.book.changed.v1",
    key="book id",
    events=(BookChanged,),
    partitions=4,
    producers=("ingestor.relay",),
    consumers=("gateway.purge", "ingestor.changes"),
)
STATE = Topic(
    name="books.book.state.v1",
    key="book id",
    events=(PricedBookState, BookState, BookGone),
    partitions=4,
    producers=("ingestor.relay",),
    consumers=("ingestor.index", "bookml.history", "ml-api.features"),
    retention_days=None,
    compacted=True,
)
COMMAND = Topic(
    name="books.crawl.command.v1",
    key="source",
    events=(CrawlCommand,),
    partitions=4,
    producers=("bookstream",),
    consumers=("scraper.commands",),
)
RUN = Topic(
    name="books.crawl.run.v1",
    key="source:run",
    events=(RunReported,),
    partitions=1,
    producers=("scraper", "bookstream"),
    consumers=("ingestor.runs",),
    retention_days=None,
    compacted=True,
)
CATEGORY = Topic(
    name="books.category.decided.v1",
    key="categories",
    events=(CategoryDecided,),
    partitions=1,
    producers=("books-api",),
    consumers=("ingestor.categories",),
    retention_days=None,
)


DECIDED = Topic(
    name="books.model.decided.v1",
    key="model",
    events=(ModelDecided,),
    partitions=1,
    producers=("trainer", "ml-api"),
    consumers=(),
    retention_days=None,
)
PREDICTED = Topic(
    name="books.prediction.made.v1",
    key="book id, else prediction id",
    events=(PredictionMade,),
    partitions=4,
    producers=("ml-api",),
    consumers=(),
)


def _declare_dead_letter_topic(topic: Topic) -> Topic:
    return replace(
        topic,
        name=topic.dead_letter_topic,
        partitions=1,
        producers=topic.consumers,
        consumers=(),
        retention_days=None,
        compacted=False,
    )


TOPICS: dict[str, Topic] = {
    topic.name: topic
    for live in (OBSERVED, CHANGED, STATE, COMMAND, RUN, CATEGORY, DECIDED, PREDICTED)
    for topic in (live, _declare_dead_letter_topic(live))
}


def get_topic(name: str) -> Topic:
    """Raises: NotFound for an undeclared topic."""
    if name not in TOPICS:
        raise NotFound(f"no topic {name!r}; `bookstream topics` lists them")
    return TOPICS[name]
