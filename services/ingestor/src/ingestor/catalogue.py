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
from ingestor.accept import accept
from ingestor.archive import archive

GROUP = "ingestor.catalogue"


class CatalogueSink:
    """Idempotent by offset: the catalogue's own offsets fence whatever comes twice."""

    def __init__(
        self, lake: Lake, catalogue: Catalogue, dead_letters: DeadLetterQueue, *, owes: Event | None = None
    ) -> None:
        self._lake = lake
        self._catalogue = catalogue
        self._place = start_of(catalogue)
        self._dead_letters = dead_letters
        self._owes = owes or Event()

    def handle(self, batch: Batch) -> int:
        """Archive, park, write, in this order: what the tables skip is in the dead letters by then."""
        trigger_failpoint(Failpoint.INGESTOR_AFTER_POLL)
        here = self._place(batch.topic, batch.partition)
        if here != batch.first:  # done already, or one before it is missing: archive nothing out of place
            return here
        archived = archive(self._lake, batch)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_LAKE_PUT)
        accepted = accept(archived.batch)
        self._dead_letters.park(archived.batch.records, accepted.parked)
        if accepted.parked:
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
        self._owes.set()
        return archived.batch.next


def start_of(catalogue: Catalogue) -> Callable[[str, int], int]:
    """Where to begin a partition: the catalogue knows better than the log what it has."""

    def start(topic: str, partition: int) -> int:
        with catalogue.begin_read() as connection:
            return queries.get_next_offset(connection, topic, partition)

    return start


def catalogue_runner(
    log: EventLog, sink: CatalogueSink, catalogue: Catalogue, *, limit: int
) -> Callable[[Event], None]:
    """The consumer that feeds the catalogue."""
    consumer = log.create_consumer(GROUP, [OBSERVED.name], start=start_of(catalogue))
    return ConsumerLoop(consumer, sink.handle, limit=limit, name=GROUP).run
