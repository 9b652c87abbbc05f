"""What records of the observed topic say, or why they can't be accepted."""

from dataclasses import dataclass

from bookcore.catalogue import Observation
from bookcore.domain.book import book_id
from bookcore.domain.errors import Invalid
from bookcore.domain.normalise import Rejected, normalise
from bookcore.event_log.dead_letters import Parked
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record


@dataclass(frozen=True, slots=True)
class Accepted:
    """Every record of a batch is in exactly one of the two."""

    observations: tuple[Observation, ...]
    parked: tuple[Parked, ...]


def accept(batch: Batch) -> Accepted:
    """Read and check a batch; pure."""
    observations: list[Observation] = []
    parked: list[Parked] = []
    for record in batch.records:
        try:
            observations.append(_observation(record))
        except Invalid as error:
            parked.append(Parked(record, str(error)))
    return Accepted(tuple(observations), tuple(parked))


def _observation(record: Record) -> Observation:
    event = decode(record).event
    if isinstance(event, BookWithdrawn):
        return Observation(book_id(event.source, event.source_id), None, event.version, event.id)
    if not isinstance(event, BookObserved):
        raise Invalid(f"{event.type} does not belong on this topic")
    book = normalise(event.origin, event.printed)
    if isinstance(book, Rejected):
        raise Invalid(str(book))
    return Observation(book.id, book, event.version, event.id)
