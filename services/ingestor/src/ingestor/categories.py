"""Consumes the decisions on the tree of categories into the catalogue; the topic keeps them forever."""

from bookcore.catalogue import Catalogue, categories
from bookcore.event_log import Consumer, EventLog
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.category import CategoryDecided
from bookcore.events.message import Batch
from bookcore.events.topics import CATEGORY
from ingestor.catalogue import create_offset_lookup
from ingestor.decoding import decode_records

GROUP = "ingestor.categories"


class CategorySink:
    """Handler of the topic of decisions. Idempotent by the decision's id."""

    def __init__(self, catalogue: Catalogue, dead_letters: DeadLetterQueue) -> None:
        self._catalogue = catalogue
        self._dead_letters = dead_letters

    def handle(self, batch: Batch) -> int:
        """Write the batch in one transaction; what is no decision becomes a dead letter."""
        decoded, rejected = decode_records(batch.records, CategoryDecided)
        decided = [(record.offset, decision) for record, decision in decoded]
        self._dead_letters.park(batch.records, rejected)
        with self._catalogue.begin_write() as connection:
            categories.record_decisions(connection, decided, end=batch.next)
        return batch.next


def create_category_consumer(log: EventLog, catalogue: Catalogue) -> Consumer:
    """A member of the group that feeds the tree of categories."""
    return log.create_consumer(GROUP, [CATEGORY.name], start=create_offset_lookup(catalogue))
