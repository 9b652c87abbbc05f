"""The event log port: ordered, durable messages by topic, read by consumer groups.

A Kafka in production, a SQLite file on a laptop; `open_event_log(url)` picks by the URL's scheme.
All methods are blocking and safe to call from several threads; async callers use a thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from bookcore.domain.errors import Invalid
from bookcore.events.message import Message, Record


@dataclass(frozen=True, slots=True)
class Position:
    """An offset in one partition of one topic."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """How far a group is in one partition; `committed` is the next offset to read, `end` to write."""

    topic: str
    partition: int
    committed: int
    end: int

    @property
    def lag(self) -> int:
        """Messages that the group hasn't committed yet."""
        return max(0, self.end - self.committed)


StartOffset = Callable[[str, int], int | None]
"""(topic, partition) -> offset to begin at when the partition is assigned; None means the committed one."""


class Consumer(Protocol):
    """One member of a group; partitions are shared out among the living members. Not for several threads."""

    def poll(self, *, limit: int, timeout: float) -> Sequence[Record]:
        """Up to `limit` records in order per partition, waiting up to `timeout` seconds for the first."""

    def commit(self, positions: Sequence[Position]) -> None:
        """Record the next offsets to read; a commit for a partition since lost is refused with Conflict."""

    def seek(self, position: Position) -> None:
        """Read on from there."""

    def close(self) -> None:
        """Leave the group, so that others take over at once."""


class EventLog(Protocol):
    """Topics are those of bookcore.events.topics; others raise NotFound."""

    def append(self, topic: str, messages: Sequence[Message]) -> Sequence[Position]:
        """Durably append all or none; returns once acknowledged, positions in the order given.

        Raises: Unavailable when the log can't take them now (disk full, broker away).
        """

    def create_consumer(
        self, group: str, topics: Sequence[str], *, start: StartOffset | None = None
    ) -> Consumer:
        """A new member of the group, reading on from its committed offsets or where `start` says.

        Its poll raises Conflict when `start` names an offset beyond the log's end: the log was replaced.
        """

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        """Look at records without a group, from `offset` on; changes nothing."""

    def read_progress(self, topic: str, group: str) -> Sequence[PartitionProgress]:
        """One entry for each partition; `committed` is 0 for a group that never was."""

    def declare_topics(self) -> Sequence[str]:
        """Make the topics as bookcore.events.topics has them; what was done, a line for each."""

    def close(self) -> None:
        """Free files and connections."""


_ADAPTERS = {"sqlite": "bookcore.event_log.sqlite", "kafka": "bookcore.event_log.kafka"}


class _Adapter(Protocol):
    def open_log(self, url: str) -> EventLog: ...


def open_event_log(url: str) -> EventLog:
    """Raises: Invalid when no adapter speaks the URL's scheme."""
    scheme = url.partition("://")[0]
    if scheme not in _ADAPTERS:
        raise Invalid(
            f"no event log for {scheme}://; use one of {', '.join(_ADAPTERS)}", field="event_log_url"
        )
    return cast(_Adapter, import_module(_ADAPTERS[scheme])).open_log(url)
