"""Consumes observed events into the lake and the catalogue, one batch at a time."""

from collections.abc import Callable, Mapping

from bookcore.catalogue import Catalogue, IngestBatch, queries
from bookcore.catalogue.write import apply_batch
from bookcore.event_log import Consumer, EventLog
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.message import Batch
from bookcore.events.topics import OBSERVED
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.tracing.messages import MessageTracer
from bookcore.kit.tracing.tracer import Tracer
from bookcore.lake import Lake
from ingestor.accept import validate_batch
from ingestor.archive import archive_batch
from ingestor.source_guard import SourceGuard
from ingestor.updates import refuse_baseless_updates

GROUP = "ingestor.catalogue"


class CatalogueSink:
    """Handler of the observed topic. Idempotent by offset: the catalogue stores the next offset with the
    data."""

    def __init__(
        self,
        lake: Lake,
        catalogue: Catalogue,
        dead_letters: DeadLetterQueue,
        *,
        guard: SourceGuard | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._lake = lake
        self._catalogue = catalogue
        self._get_next_offset = create_offset_lookup(catalogue)
        self._dead_letters = dead_letters
        self._guard = guard or SourceGuard()
        self._tracer = MessageTracer(tracer or Tracer())

    def handle(self, batch: Batch) -> int:
        """Archive, dead-letter, write, in this order, so that a record is never in neither place."""
        trigger_failpoint(Failpoint.INGESTOR_AFTER_POLL)
        expected = self._get_next_offset(batch.topic, batch.partition)
        if expected != batch.first:  # a duplicate, or a gap before it: archive nothing out of order
            return expected
        with self._tracer.process(batch.records, group=GROUP) as traceparents:
            return self._store(batch, traceparents)

    def _store(self, batch: Batch, traceparents: Mapping[int, str]) -> int:
        stored = archive_batch(self._lake, batch)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_LAKE_PUT)
        guarded = self._guard.hold(stored.batch, validate_batch(stored.batch, traceparents))
        validated = refuse_baseless_updates(self._catalogue, stored.batch, guarded)
        self._dead_letters.park(stored.batch.records, validated.rejected)
        if validated.rejected:
            trigger_failpoint(Failpoint.INGESTOR_AFTER_PARK)
        ingest = IngestBatch(
            topic=batch.topic,
            partition=batch.partition,
            first=batch.first,
            next=stored.batch.next,
            lake_key=stored.key,
            observations=validated.observations,
        )
        with self._catalogue.begin_write() as connection:
            apply_batch(connection, ingest)
            trigger_failpoint(Failpoint.INGESTOR_INSIDE_TRANSACTION)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_TRANSACTION)
        return stored.batch.next


def create_offset_lookup(catalogue: Catalogue) -> Callable[[str, int], int]:
    """Reads the start offset of a partition from the catalogue, not from the consumer group."""

    def get_next_offset(topic: str, partition: int) -> int:
        with catalogue.begin_read() as connection:
            return queries.get_next_offset(connection, topic, partition)

    return get_next_offset


def create_catalogue_consumer(log: EventLog, catalogue: Catalogue) -> Consumer:
    """A member of the group that feeds the catalogue."""
    return log.create_consumer(GROUP, [OBSERVED.name], start=create_offset_lookup(catalogue))
