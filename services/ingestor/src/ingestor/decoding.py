"""Decodes the records of a topic that carries one type of event."""

from collections.abc import Sequence
from typing import TypeVar

from bookcore.domain.errors import Invalid
from bookcore.event_log.dead_letters import RejectedRecord
from bookcore.events.book import Event
from bookcore.events.codec import decode
from bookcore.events.message import Record

E = TypeVar("E", bound=Event)


def decode_records(
    records: Sequence[Record], model: type[E]
) -> tuple[list[tuple[Record, E]], list[RejectedRecord]]:
    """Each record with its event, and those that hold no such event with the reason."""
    decoded: list[tuple[Record, E]] = []
    rejected: list[RejectedRecord] = []
    for record in records:
        try:
            decoded.append((record, _decode(record, model)))
        except Invalid as refusal:
            rejected.append(RejectedRecord(record, str(refusal)))
    return decoded, rejected


def _decode(record: Record, model: type[E]) -> E:
    event = decode(record).event
    if not isinstance(event, model):
        raise Invalid(f"{event.type} does not belong on this topic")
    return event
