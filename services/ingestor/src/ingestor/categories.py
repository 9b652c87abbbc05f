"""Consumes the decisions on the tree of categories into the catalogue; the topic keeps them forever."""

from bookcore.catalogue import Catalogue, categories
from bookcore.domain.errors import Invalid
from bookcore.event_log import Consumer, EventLog
from bookcore.event_log.dead_letters import DeadLetterQueue, RejectedRecord
from bookcore.events.category import CategoryDecided
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import CATEGORY
from ingestor.catalogue import create_offset_lookup

GROUP = "ingestor.categories"


class CategorySink:
    """Handler of the topic of decisions. Idempotent by the decision's id."""

    def __init__(self, catalogue: Catalogue, dead_letters: DeadLetterQueue) -> None:
        self._catalogue = catalogue
        self._dead_letters = dead_letters

    def handle(self, batch: Batch) -> int:
        """Write the batch in one transaction; what is no decision becomes a dead letter."""
        decided: list[tuple[int, CategoryDecided]] = []
        rejected: list[RejectedRecord] = []
        for record in batch.records:
            try:
                decided.append((record.offset, _decode_decision(record)))
            except Invalid as refusal:
                rejected.append(RejectedRecord(record, str(refusal)))
        self._dead_letters.park(batch.records, rejected)
        with self._catalogue.begin_write() as connection:
            categories.record_decisions(connection, decided, end=batch.next)
        return batch.next


def create_category_consumer(log: EventLog, catalogue: Catalogue) -> Consumer:
    """A member of the group that feeds the tree of categories."""
    return log.create_consumer(GROUP, [CATEGORY.name], start=create_offset_lookup(catalogue))


def _decode_decision(record: Record) -> CategoryDecided:
    event = decode(record).event
    if not isinstance(event, CategoryDecided):
        raise Invalid(f"{event.type} does not belong on this topic")
    return event
