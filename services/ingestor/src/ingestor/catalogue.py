"""Observed events -> lake -> catalogue, one batch at a time."""

from collections.abc import Callable
from threading import Event

from bookcore.catalogue import Catalogue, IngestBatch, queries
from bookcore.catalogue.write import apply_batch
from bookcore.event_log import EventLog
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.message import Batch
from bookcore.events.topics import OBSERVED
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.lake import Lake
from ingestor.accept import validate_batch
from ingestor.archive import archive_batch

GROUP = "ingestor.catalogue"


class CatalogueSink:
    """Idempotent by offset: the catalogue's own offsets fence whatever comes twice."""

    def __init__(
        self,
        lake: Lake,
        catalogue: Catalogue,
        dead_letters: DeadLetterQueue,
        *,
        outbox_ready: Event | None = None,
    ) -> None:
        self._lake = lake
        self._catalogue = catalogue
        self._get_next_offset = create_offset_lookup(catalogue)
        self._dead_letters = dead_letters
        self._outbox_ready = outbox_ready or Event()

    def handle(self, batch: Batch) -> int:
        """Archive, park, write, in this order: what the tables skip is in the dead letters by then."""
        trigger_failpoint(Failpoint.INGESTOR_AFTER_POLL)
        here = self._get_next_offset(batch.topic, batch.partition)
        if here != batch.first:  # done already, or one before it is missing: archive nothing out of place
            return here
        archived = archive_batch(self._lake, batch)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_LAKE_PUT)
        accepted = validate_batch(archived.batch)
        self._dead_letters.park(archived.batch.records, accepted.rejected)
        if accepted.rejected:
            trigger_failpoint(Failpoint.INGESTOR_AFTER_PARK)
        ingest = IngestBatch(
            topic=batch.topic,
            partition=batch.partition,
            first=batch.first,
            next=archived.batch.next,
            lake_key=archived.key,
            observations=accepted.observations,
        )
        with self._catalogue.begin_write() as connection:
            apply_batch(connection, ingest)
            trigger_failpoint(Failpoint.INGESTOR_INSIDE_TRANSACTION)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_TRANSACTION)
        self._outbox_ready.set()
        return archived.batch.next


def create_offset_lookup(catalogue: Catalogue) -> Callable[[str, int], int]:
    """Where to begin a partition: the catalogue knows better than the log what it has."""

    def start(topic: str, partition: int) -> int:
        with catalogue.begin_read() as connection:
            return queries.get_next_offset(connection, topic, partition)

    return start


def create_catalogue_loop(
    log: EventLog, sink: CatalogueSink, catalogue: Catalogue, *, limit: int
) -> Callable[[Event], None]:
    """The consumer that feeds the catalogue."""
    consumer = log.create_consumer(GROUP, [OBSERVED.name], start=create_offset_lookup(catalogue))
    return ConsumerLoop(consumer, sink.handle, limit=limit, name=GROUP).run
