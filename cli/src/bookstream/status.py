"""Where everything stands: how far each consumer is, how much is kept, how fresh it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bookcore.catalogue import BookFilter, count_messages, queries
from bookcore.event_log import EventLog
from bookcore.events.topics import CHANGED, OBSERVED, STATE, TOPICS
from bookstream.audit import Stores


@dataclass(frozen=True, slots=True)
class Lag:
    """Messages that a group has still to do."""

    group: str
    topic: str
    messages: int


@dataclass(frozen=True, slots=True)
class Pending:
    """What is published but not searchable yet; `owed` counts events in the catalogue's outbox."""

    lags: Sequence[Lag]
    owed: int

    @property
    def settled(self) -> bool:
        """Whether everything published is in the catalogue and the index."""
        return self.owed == 0 and all(lag.messages == 0 for lag in self.lags)

    def __str__(self) -> str:
        waiting = ", ".join(f"{lag.group} has {lag.messages} to do" for lag in self.lags)
        return f"{waiting}, the outbox owes {self.owed}"


@dataclass(frozen=True, slots=True)
class Overview:
    """`newest` is the last accepted observation."""

    pending: Pending
    books: int
    documents: int
    parked: int
    newest: datetime | None


def overview(stores: Stores) -> Overview:
    """Asks every store once, and the index for every document."""
    with stores.catalogue.begin_read() as connection:
        books = queries.count_books(connection, BookFilter())
        newest = queries.get_newest_observation(connection)
    return Overview(
        pending=pending(stores),
        books=books,
        documents=sum(not deleted for _, _, deleted in stores.index.read_versions()),
        parked=parked_so_far(stores.log),
        newest=newest,
    )


def pending(stores: Stores) -> Pending:
    """Cheap enough to ask many times a second.

    The lags are read in the order in which events flow, the outbox between them, so that nothing on its way
    is missed.
    """
    observed = _lag(stores.log, "ingestor.catalogue", OBSERVED.name)
    with stores.catalogue.begin_read() as connection:
        owed = count_messages(connection)
    return Pending((observed, _lag(stores.log, "ingestor.index", STATE.name)), owed)


def parked_so_far(log: EventLog) -> int:
    """How many dead letters there have been."""
    return sum(end_of(log, name) for name in TOPICS if name.endswith(".dlq"))


def _lag(log: EventLog, group: str, topic: str) -> Lag:
    return Lag(group, topic, sum(p.lag for p in log.read_progress(topic, group)))


def end_of(log: EventLog, topic: str) -> int:
    """How many messages a topic has had."""
    return sum(p.end for p in log.read_progress(topic, "nobody"))


def changes_so_far(log: EventLog) -> int:
    """How many change events there have been."""
    return end_of(log, CHANGED.name)
