"""The loop of every consumer: poll, split by partition, handle, commit; wait while a dependency is
unavailable.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from threading import Event

from bookcore.domain.errors import Conflict, Unavailable
from bookcore.event_log import Consumer, Position
from bookcore.events.message import Batch, Record
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.logger import get_logger

Handler = Callable[[Batch], int]
"""Handles a batch, whole or not at all, and returns the next offset: the batch's end, an earlier one after a
part of it, or the position of its own store.

Must be idempotent: after a crash a batch is redelivered. Unavailable means retry later, Conflict that
another member has changed the position.
"""

_log = get_logger(__name__)


class ConsumerLoop:
    """One consumer in one thread, until `stop` is set or the handler raises a permanent error.

    `on_turn` is called before each poll and each batch, also while a dependency is unavailable.
    """

    def __init__(
        self,
        consumer: Consumer,
        handler: Handler,
        *,
        limit: int = 1_000,
        name: str = "",
        on_turn: Callable[[], None] = lambda: None,
    ) -> None:
        self._consumer = consumer
        self._handler = handler
        self._limit = limit
        self._name = name
        self._on_turn = on_turn

    def is_assigned(self) -> bool:
        """Whether the group has told this consumer its partitions."""
        return self._consumer.is_assigned

    def run(self, stop: Event) -> None:
        """Consumes until `stop` is set, then leaves the group."""
        try:
            while not stop.is_set():
                self.poll_once(stop, timeout=0.2)
        finally:
            self._consumer.close()

    def poll_once(self, stop: Event, *, timeout: float) -> int:
        """Polls once and handles the records; returns their number."""
        self._on_turn()
        try:
            records = self._consumer.poll(limit=self._limit, timeout=timeout)
        except Unavailable as error:
            self._wait(error, stop)
            return 0
        for batch in split_batches(records):
            self._on_turn()
            self._handle(batch, stop)
        return len(records)

    def _handle(self, batch: Batch, stop: Event) -> None:
        here = Position(batch.topic, batch.partition, batch.first)
        try:
            done = self._handler(batch)
            self._consumer.commit([Position(batch.topic, batch.partition, done)])
            trigger_failpoint(Failpoint.CONSUMER_AFTER_COMMIT)
            if done != batch.next:
                self._consumer.seek(Position(batch.topic, batch.partition, done))
        except Unavailable as error:
            self._consumer.seek(here)
            self._wait(error, stop)
        except Conflict as error:
            _log.info("position changed by another member", component=self._name, error=str(error))
            self._consumer.seek(here)  # the next call returns the position, unless the partition was lost

    def _wait(self, error: Unavailable, stop: Event) -> None:
        _log.warning(
            "dependency unavailable; retrying",
            component=self._name,
            error=str(error),
            delay=error.retry_after,
        )
        stop.wait(error.retry_after)


def split_batches(records: Sequence[Record]) -> Iterator[Batch]:
    """Splits polled records into one batch per partition, in order."""
    in_order = sorted(records, key=lambda r: (r.topic, r.partition, r.offset))
    for (topic, partition), group in groupby(in_order, key=lambda r: (r.topic, r.partition)):
        yield Batch(topic, partition, list(group))
