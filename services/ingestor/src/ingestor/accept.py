"""Validates records of the observed topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from bookcore.catalogue import Observation
from bookcore.domain.book import from_version, make_book_id, to_version
from bookcore.domain.errors import Invalid
from bookcore.domain.listing import NormalisedListing, normalise_listing
from bookcore.domain.normalise import normalise
from bookcore.domain.printed_listing import Remark
from bookcore.domain.rejection import Rejected
from bookcore.event_log.dead_letters import RejectedRecord
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import decode
from bookcore.events.listing import BookObservedV2
from bookcore.events.message import Batch, Record

_MIN_VERSION = 0
_DAY = timedelta(days=1)
_NO_TRACES: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ValidatedBatch:
    """Each record of the batch is in exactly one of the first two; `remarks` are those of the observations,
    by source.
    """

    observations: tuple[Observation, ...]
    rejected: tuple[RejectedRecord, ...]
    remarks: tuple[tuple[str, Remark], ...] = ()

    def list_accepted(self, batch: Batch) -> Sequence[tuple[Record, Observation]]:
        """Each accepted record with its observation, in the batch's order."""
        rejected = {one.record.offset for one in self.rejected}
        records = [record for record in batch.records if record.offset not in rejected]
        return [*zip(records, self.observations, strict=True)]

    def reject(self, batch: Batch, reasons: Mapping[int, str]) -> "ValidatedBatch":
        """The batch with the accepted records at these offsets among the rejected ones."""
        accepted = self.list_accepted(batch)
        more = [RejectedRecord(one, reasons[one.offset]) for one, _ in accepted if one.offset in reasons]
        return ValidatedBatch(
            tuple(seen for record, seen in accepted if record.offset not in reasons),
            tuple(sorted((*self.rejected, *more), key=lambda one: one.record.offset)),
            self.remarks,
        )


def validate_batch(batch: Batch, traceparents: Mapping[int, str] = _NO_TRACES) -> ValidatedBatch:
    """Decode and validate a batch; pure. `traceparents` by position, for the events that a record causes."""
    observations: list[Observation] = []
    rejected: list[RejectedRecord] = []
    remarks: list[tuple[str, Remark]] = []
    for position, record in enumerate(batch.records):
        try:
            observation, noted = _decode_observation(record, traceparents.get(position, ""))
            observations.append(observation)
            remarks += [(observation.book_id.partition(":")[0], remark) for remark in noted]
        except Invalid as error:
            rejected.append(RejectedRecord(record, str(error)))
    return ValidatedBatch(tuple(observations), tuple(rejected), tuple(remarks))


def _decode_observation(record: Record, traceparent: str) -> tuple[Observation, Sequence[Remark]]:
    event = decode(record).event
    if not isinstance(event, BookObserved | BookObservedV2 | BookWithdrawn):
        raise Invalid(f"{event.type} does not belong on this topic")
    if not _MIN_VERSION <= event.version <= _compute_latest_version(record):
        raise Invalid(
            "must be after 1970 and less than a day after the event was published", field="observed_at"
        )
    if isinstance(event, BookWithdrawn):
        book_id = make_book_id(event.source, event.source_id)
        gone = Observation(book_id, None, event.version, event.event_id, traceparent, event.reason)
        return gone, ()
    listing = _normalise(event)
    book = listing.book
    seen = Observation(
        book.id, book, event.version, event.event_id, traceparent=traceparent, blocks=listing.blocks
    )
    return seen, listing.remarks


def _normalise(event: BookObserved | BookObservedV2) -> NormalisedListing:
    """Raises: Invalid with the field and the reason."""
    if isinstance(event, BookObserved):
        book = normalise(event.origin, event.printed)
        if isinstance(book, Rejected):
            raise Invalid(str(book))
        return NormalisedListing(book, ())
    listing = normalise_listing(event.origin, event.printed, from_version(event.version))
    if isinstance(listing, Rejected):
        raise Invalid(str(listing))
    return listing


def _compute_latest_version(record: Record) -> int:
    """A publisher's clock may be fast by less than a day; a version far in the future would never be
    superseded."""
    return to_version(record.timestamp + _DAY)
