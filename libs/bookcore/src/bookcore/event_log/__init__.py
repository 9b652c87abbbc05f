"""The event log port: ordered, durable messages by topic, read by consumer groups.

Kafka in production, a SQLite file on a laptop; `open_event_log(url)` chooses by the URL's scheme.
All methods block and are thread-safe; async callers use a thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from bookcore.events.message import Message, Record
from bookcore.kit.adapters import load_adapter


@dataclass(frozen=True, slots=True)
class Position:
    """An offset in one partition of one topic."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """Progress of a group in one partition; `committed` is the next offset to read, `end` the next to
    write.
    """

    topic: str
    partition: int
    committed: int
    end: int

    @property
    def lag(self) -> int:
        """Messages that the group has not committed."""
        return max(0, self.end - self.committed)


StartOffset = Callable[[str, int], int | None]
"""(topic, partition) -> offset to begin at when the partition is assigned; None means the committed one."""


class Consumer(Protocol):
    """One member of a group; partitions are divided among the live members. Not thread-safe."""

    @property
    def is_assigned(self) -> bool:
        """Whether the group has told this member its partitions, which may be none of them."""

    def poll(self, *, limit: int, timeout: float) -> Sequence[Record]:
        """Up to `limit` records in order per partition; waits up to `timeout` seconds for the first."""

    def commit(self, positions: Sequence[Position]) -> None:
        """Commits the next offsets to read. Raises: Conflict for a partition that was reassigned."""

    def seek(self, position: Position) -> None:
        """Continues reading at this position."""

    def close(self) -> None:
        """Leaves the group, so that its partitions are reassigned at once."""


class EventLog(Protocol):
    """Topics are those of bookcore.events.topics; others raise NotFound."""

    def append(self, topic: str, messages: Sequence[Message]) -> Sequence[Position]:
        """Appends all messages durably, or none; returns their positions, in the given order, once
        acknowledged.

        Raises: Unavailable when the log cannot accept them now (disk full, broker unreachable); Invalid for
        a message that it can never accept, see `bookcore.event_log.oversized`.
        """

    def create_consumer(
        self, group: str, topics: Sequence[str], *, start: StartOffset | None = None
    ) -> Consumer:
        """A new member of the group; starts at the committed offsets, or where `start` says.

        Its poll raises Conflict when `start` names an offset beyond the log's end: the log was replaced.
        """

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        """Reads records without a group, from `offset` on; changes nothing."""

    def read_progress(self, topic: str, group: str) -> Sequence[PartitionProgress]:
        """One entry per partition; `committed` is 0 for a group that never committed."""

    def delete_group(self, group: str) -> bool:
        """Forgets the offsets of a group; False while it has a live member, and nothing changes then.

        Idempotent by the group. Raises: Unavailable.
        """

    def declare_topics(self) -> Sequence[str]:
        """Creates or updates the topics of bookcore.events.topics; returns one line per topic."""

    def close(self) -> None:
        """Frees files and connections."""


_ADAPTERS = {"sqlite": "bookcore.event_log.sqlite", "kafka": "bookcore.event_log.kafka"}


class _Adapter(Protocol):
    def open_log(self, url: str) -> EventLog: ...


def open_event_log(url: str) -> EventLog:
    """Raises: Invalid when no adapter speaks the URL's scheme."""
    adapter = load_adapter(url, _ADAPTERS, port="event log", field="event_log_url")
    return cast(_Adapter, adapter).open_log(url)
