"""Consumes the state topic into the search index."""

from collections.abc import Callable, Sequence

from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Invalid
from bookcore.event_log import Consumer, EventLog
from bookcore.event_log.dead_letters import DeadLetterQueue, RejectedRecord
from bookcore.events.book import BookGone, BookState
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import STATE
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.tracing.messages import MessageTracer
from bookcore.kit.tracing.tracer import Tracer
from bookcore.search import RemovedBook, SearchIndex, UnindexableBooks

GROUP = "ingestor.index"


class IndexSink:
    """Handler of the state topic. Idempotent by version: the index keeps the newest state of a book in any
    order. `on_indexed` gets the changes that the index has acknowledged."""

    def __init__(
        self,
        index: SearchIndex,
        dead_letters: DeadLetterQueue,
        *,
        on_indexed: Callable[[Sequence[VersionedBook | RemovedBook]], None] = lambda changes: None,
        tracer: Tracer | None = None,
    ) -> None:
        self._index = index
        self._on_indexed = on_indexed
        self._dead_letters = dead_letters
        self._tracer = MessageTracer(tracer or Tracer())

    def handle(self, batch: Batch) -> int:
        """Index the batch; undecodable records and documents that the engine refuses become dead letters."""
        with self._tracer.process(batch.records, group=GROUP):
            return self._index_batch(batch)

    def _index_batch(self, batch: Batch) -> int:
        changes: list[VersionedBook | RemovedBook] = []
        rejected: list[RejectedRecord] = []
        for record in batch.records:
            try:
                changes.append(_decode_change(record))
            except Invalid as error:
                rejected.append(RejectedRecord(record, str(error)))
        try:
            self._index.put(changes)
        except UnindexableBooks as refusal:
            reasons = refusal.books
            rejected += [RejectedRecord(r, reasons[BookId(r.key)]) for r in batch.records if r.key in reasons]
        self._on_indexed(changes)
        self._dead_letters.park(batch.records, rejected)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_INDEX)
        return batch.next


def _decode_change(record: Record) -> VersionedBook | RemovedBook:
    event = decode(record).event
    if isinstance(event, BookGone):
        return RemovedBook(event.book_id, event.version)
    if isinstance(event, BookState):
        return event.to_book()
    raise Invalid(f"{event.type} does not belong on this topic")


def create_index_consumer(log: EventLog) -> Consumer:
    """A member of the group that feeds the search index."""
    return log.create_consumer(GROUP, [STATE.name])
