"""Status of the pipeline: lag of each consumer, number of books, age of the newest."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from bookcore.catalogue import BookFilter, outbox, queries
from bookcore.catalogue.runs import SourceOverview, list_sources
from bookcore.event_log import EventLog
from bookcore.events.topics import CHANGED, OBSERVED, STATE, TOPICS
from bookcore.lake.pauses import list_paused_sources
from bookstream.stores import Stores
from bookstream.topics import count_messages


@dataclass(frozen=True, slots=True)
class GroupLag:
    """Messages that a consumer group has not processed yet."""

    group: str
    topic: str
    messages: int


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Work between publishing and search; `outbox` counts events in the catalogue's outbox."""

    lags: Sequence[GroupLag]
    outbox: int

    @property
    def is_done(self) -> bool:
        """Whether everything published is in the catalogue and the index."""
        return self.outbox == 0 and all(lag.messages == 0 for lag in self.lags)

    def __str__(self) -> str:
        waiting = ", ".join(f"{lag.group} has {lag.messages} to do" for lag in self.lags)
        return f"{waiting}, {self.outbox} in the outbox"


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """`newest`: time of the last accepted observation; `documents`: books in the search index; `paused`:
    sources most of whose records were rejected; `sources`: those that have runs or books.
    """

    pending: PendingWork
    books: int
    documents: int
    dead_letters: int
    newest: datetime | None
    paused: Sequence[str] = ()
    sources: Sequence[SourceOverview] = ()

    def as_dict(self) -> dict[str, object]:
        """For `status --json`."""
        return {
            "pending": {"lags": [asdict(lag) for lag in self.pending.lags], "owed": self.pending.outbox},
            "books": self.books,
            "documents": self.documents,
            "parked": self.dead_letters,
            "newest": self.newest,
            "settled": self.pending.is_done,
            "paused": list(self.paused),
            "runs": {
                each.name: each.last_run.model_dump(mode="json") for each in self.sources if each.last_run
            },
        }


def read_status(stores: Stores) -> PipelineStatus:
    """Queries every store once, and lists all versions of the index."""
    with stores.catalogue.begin_read() as connection:
        books = queries.count_books(connection, BookFilter())
        newest = queries.get_newest_observation(connection)
        sources = list_sources(connection)
    return PipelineStatus(
        pending=read_pending(stores),
        books=books,
        documents=sum(not deleted for _, _, deleted in stores.index.read_versions()),
        dead_letters=count_dead_letters(stores.log),
        newest=newest,
        paused=list_paused_sources(stores.lake),
        sources=sources,
    )


def read_pending(stores: Stores) -> PendingWork:
    """Cheap enough for many calls a second.

    Lags are read in the order in which events flow, the outbox between them, so that no event in flight is
    missed.
    """
    observed = _read_lag(stores.log, "ingestor.catalogue", OBSERVED.name)
    with stores.catalogue.begin_read() as connection:
        outbox_size = outbox.count_messages(connection)
    return PendingWork((observed, _read_lag(stores.log, "ingestor.index", STATE.name)), outbox_size)


def count_dead_letters(log: EventLog) -> int:
    """Dead letters so far, of all topics."""
    return sum(count_messages(log, name) for name in TOPICS if name.endswith(".dlq"))


def _read_lag(log: EventLog, group: str, topic: str) -> GroupLag:
    return GroupLag(group, topic, sum(p.lag for p in log.read_progress(topic, group)))


def count_changes(log: EventLog) -> int:
    """Change events so far."""
    return count_messages(log, CHANGED.name)
