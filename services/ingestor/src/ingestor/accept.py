"""Validates records of the observed topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from bookcore.catalogue import Observation
from bookcore.domain.book import make_book_id, to_version
from bookcore.domain.errors import Invalid
from bookcore.domain.normalise import Rejected, normalise
from bookcore.event_log.dead_letters import RejectedRecord
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record

_MIN_VERSION = 0
_DAY = timedelta(days=1)
_NO_TRACES: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ValidatedBatch:
    """Each record of the batch is in exactly one of the two."""

    observations: tuple[Observation, ...]
    rejected: tuple[RejectedRecord, ...]


def validate_batch(batch: Batch, traceparents: Mapping[int, str] = _NO_TRACES) -> ValidatedBatch:
    """Decode and validate a batch; pure. `traceparents` by position, for the events that a record causes."""
    observations: list[Observation] = []
    rejected: list[RejectedRecord] = []
    for position, record in enumerate(batch.records):
        try:
            observations.append(_decode_observation(record, traceparents.get(position, "")))
        except Invalid as error:
            rejected.append(RejectedRecord(record, str(error)))
    return ValidatedBatch(tuple(observations), tuple(rejected))


def _decode_observation(record: Record, traceparent: str) -> Observation:
    event = decode(record).event
    if isinstance(
        event, BookObserved | BookWithdrawn
    ) and not _MIN_VERSION <= event.version <= _compute_latest_version(record):
        raise Invalid(
            "must be after 1970 and less than a day after the event was published", field="observed_at"
        )
    if isinstance(event, BookWithdrawn):
        book_id = make_book_id(event.source, event.source_id)
        return Observation(book_id, None, event.version, event.event_id, traceparent)
    if not isinstance(event, BookObserved):
        raise Invalid(f"{event.type} does not belong on this topic")
    book = normalise(event.origin, event.printed)
    if isinstance(book, Rejected):
        raise Invalid(str(book))
    return Observation(book.id, book, event.version, event.event_id, traceparent)


def _compute_latest_version(record: Record) -> int:
    """A publisher's clock may be fast by less than a day; a version far in the future would never be
    superseded."""
    return to_version(record.timestamp + _DAY)
