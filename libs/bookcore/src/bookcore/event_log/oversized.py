"""Messages that the event log can never take: a small dead letter each, the message itself in the lake.

Kafka's brokers take 1 MiB. The embedded log has the same limit, so that a laptop behaves as servers do.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bookcore.domain.errors import Invalid
from bookcore.event_log import EventLog
from bookcore.events.dead_letter import encode_dead_letter
from bookcore.events.message import Message, Record
from bookcore.events.topics import get_topic

LARGEST_MESSAGE = 1_000_000
"""Bytes that a producer sends; the dead letter of such a message, with its reason, fits too."""
KeepRecord = Callable[[Record], str]
"""Stores a record in the lake and returns its key there; idempotent by its value."""

_LARGEST_RECORD = 1_040_000  # bytes; the rest of 1 MiB is Kafka's framing
_LONGEST_KEY = 200
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def append_or_park(
    log: EventLog, topic: str, messages: Sequence[Message], *, keep: KeepRecord
) -> Sequence[int]:
    """Appends the messages; one that is too large is parked and the others go on.

    Returns the places of the parked ones. Raises: Unavailable.
    """
    parked = [place for place, each in enumerate(messages) if measure_message(each) > LARGEST_MESSAGE]
    if parked:
        letters = [_park(topic, messages[place], keep) for place in parked]
        log.append(get_topic(topic).dead_letter_topic, letters)
    rest = [each for place, each in enumerate(messages) if place not in parked] if parked else messages
    if rest:
        log.append(topic, rest)
    return parked


def measure_message(message: Message) -> int:
    """Bytes of key, value and headers."""
    headers = sum(len(name) + len(value) for name, value in message.headers)
    return len(message.key.encode()) + len(message.value or b"") + headers


def check_sizes(messages: Sequence[Message]) -> None:
    """Raises: Invalid when one is larger than every event log takes."""
    largest = max(map(measure_message, messages), default=0)
    if largest > _LARGEST_RECORD:
        raise Invalid(f"a message of {largest} bytes is larger than the event log takes ({_LARGEST_RECORD})")


def encode_fitting_letter(record: Record, reason: str, *, keep: KeepRecord) -> Message:
    """The dead letter of a record; when it would be too large, its body is in the lake instead."""
    letter = encode_dead_letter(record, reason)
    if measure_message(letter) <= _LARGEST_RECORD:
        return letter
    small = Record(
        record.topic, record.partition, record.offset, record.timestamp, record.key[:_LONGEST_KEY], b""
    )
    return encode_dead_letter(small, reason, body=keep(record))


def _park(topic: str, message: Message, keep: KeepRecord) -> Message:
    partition = get_topic(topic).assign_partition(message.key)
    record = Record(topic, partition, 0, _NEVER, message.key, message.value, message.headers)
    size = measure_message(message)
    reason = f"size is {size} bytes, more than the {LARGEST_MESSAGE} that an event may have"
    small = Record(topic, partition, 0, _NEVER, message.key[:_LONGEST_KEY], b"")
    return encode_dead_letter(small, reason, body=keep(record))
