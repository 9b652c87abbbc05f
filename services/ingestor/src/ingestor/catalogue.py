"""Observed events -> lake -> catalogue, one batch at a time."""

from collections.abc import Callable
from threading import Event

from bookcore.catalogue import Catalogue, Ingest, queries
from bookcore.catalogue.write import apply
from bookcore.event_log import EventLog
from bookcore.event_log.consumer_loop import Runner
from bookcore.event_log.dead_letters import DeadLetters
from bookcore.events.message import Batch
from bookcore.events.topics import OBSERVED
from bookcore.kit.failpoint import CrashPoint, crash_point
from bookcore.lake import Lake
from ingestor.accept import accept
from ingestor.archive import archive

GROUP = "ingestor.catalogue"


class CatalogueSink:
    """Idempotent by offset: the catalogue's own offsets fence whatever comes twice."""

    def __init__(
        self, lake: Lake, catalogue: Catalogue, dead_letters: DeadLetters, *, owes: Event | None = None
    ) -> None:
        self._lake = lake
        self._catalogue = catalogue
        self._place = start_of(catalogue)
        self._dead_letters = dead_letters
        self._owes = owes or Event()

    def handle(self, batch: Batch) -> int:
        """Archive, park, write, in this order: what the tables skip is in the dead letters by then."""
        crash_point(CrashPoint.INGESTOR_AFTER_POLL)
        here = self._place(batch.topic, batch.partition)
        if here != batch.first:  # done already, or one before it is missing: archive nothing out of place
            return here
        archived = archive(self._lake, batch)
        crash_point(CrashPoint.INGESTOR_AFTER_LAKE_PUT)
        accepted = accept(archived.batch)
        self._dead_letters.park(archived.batch.records, accepted.parked)
        if accepted.parked:
            crash_point(CrashPoint.INGESTOR_AFTER_PARK)
        ingest = Ingest(
            topic=batch.topic,
            partition=batch.partition,
            first=batch.first,
            next=archived.batch.next,
            lake_key=archived.key,
            observations=accepted.observations,
        )
        with self._catalogue.writing() as connection:
            apply(connection, ingest)
            crash_point(CrashPoint.INGESTOR_INSIDE_TRANSACTION)
        crash_point(CrashPoint.INGESTOR_AFTER_TRANSACTION)
        self._owes.set()
        return archived.batch.next


def start_of(catalogue: Catalogue) -> Callable[[str, int], int]:
    """Where to begin a partition: the catalogue knows better than the log what it has."""

    def start(topic: str, partition: int) -> int:
        with catalogue.reading() as connection:
            return queries.next_offset(connection, topic, partition)

    return start


def catalogue_runner(
    log: EventLog, sink: CatalogueSink, catalogue: Catalogue, *, limit: int
) -> Callable[[Event], None]:
    """The consumer that feeds the catalogue."""
    consumer = log.consumer(GROUP, [OBSERVED.name], start=start_of(catalogue))
    return Runner(consumer, sink.handle, limit=limit, name=GROUP).run
