"""Consumes the topic of changes into the catalogue's feed, and deletes what is older than it keeps."""

from datetime import timedelta
from threading import Event

from bookcore.catalogue import Catalogue, change_feed
from bookcore.event_log import Consumer, EventLog
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.book import BookChanged
from bookcore.events.message import Batch
from bookcore.events.topics import CHANGED
from bookcore.kit.clock import Clock
from ingestor.catalogue import create_offset_lookup
from ingestor.decoding import decode_records
from ingestor.measurements import repeat_until

GROUP = "ingestor.changes"
_PRUNE_SECONDS = 600.0
_CHUNK = 5_000


class ChangeSink:
    """Handler of the topic of changes. Idempotent by book, version and kind of change."""

    def __init__(self, catalogue: Catalogue, dead_letters: DeadLetterQueue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._dead_letters = dead_letters
        self._clock = clock

    def handle(self, batch: Batch) -> int:
        """Write the batch in one transaction; what is no change of a book becomes a dead letter."""
        decoded, rejected = decode_records(batch.records, BookChanged)
        changes = [change for _, change in decoded]
        self._dead_letters.park(batch.records, rejected)
        with self._catalogue.begin_write() as connection:
            change_feed.record_changes(
                connection, changes, now=self._clock.now(), partition=batch.partition, end=batch.next
            )
        return batch.next


class ChangePruner:
    """Deletes entries of the feed that are older than `keep`, in short transactions."""

    def __init__(self, catalogue: Catalogue, clock: Clock, keep: timedelta) -> None:
        self._catalogue, self._clock, self._keep = catalogue, clock, keep

    def run(self, stop: Event) -> None:
        """Prunes every ten minutes until `stop` is set."""
        repeat_until(stop, self.prune, every=_PRUNE_SECONDS, failure="old changes can't be deleted")

    def prune(self) -> None:
        """Raises: Unavailable."""
        before = self._clock.now() - self._keep
        deleted = _CHUNK
        while deleted == _CHUNK:
            with self._catalogue.begin_write() as connection:
                deleted = change_feed.prune_changes(connection, before=before, limit=_CHUNK)


def create_change_consumer(log: EventLog, catalogue: Catalogue) -> Consumer:
    """A member of the group that feeds the feed of changes."""
    return log.create_consumer(GROUP, [CHANGED.name], start=create_offset_lookup(catalogue))
