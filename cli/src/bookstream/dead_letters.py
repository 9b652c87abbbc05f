"""Reads dead letters and redrives them: sends the records again to the topic that they came from."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from bookcore.domain.errors import Invalid, NotFound
from bookcore.event_log import EventLog, Position
from bookcore.event_log.oversized import append_or_park
from bookcore.events.dead_letter import DeadLetter, decode_dead_letter
from bookcore.events.message import Message, Record
from bookcore.events.topics import TOPICS, get_topic
from bookcore.lake import Lake
from bookcore.lake.layout import keep_record, unpack_records
from bookstream.topics import read_topic

GROUP = "bookstream.redrive"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """A dead letter, and whether it was redriven before."""

    letter: DeadLetter
    is_redriven: bool


def list_dead_letter_topics(topic: str | None) -> Sequence[str]:
    """The dead-letter topic of one topic, or all of them.

    Raises: NotFound for an undeclared topic.
    """
    if topic is not None:
        return [topic if topic.endswith(".dlq") else get_topic(topic).dead_letter_topic]
    return [name for name in TOPICS if name.endswith(".dlq")]


def list_dead_letters(log: EventLog, topic: str | None = None) -> Iterator[DeadLetterEntry]:
    """Every dead letter in the order of its topic, topic by topic."""
    for name in list_dead_letter_topics(topic):
        done = {at.partition: at.committed for at in log.read_progress(name, GROUP)}
        for letter in _parse_records(read_topic(log, name)):
            yield DeadLetterEntry(letter, letter.record.offset < done.get(letter.record.partition, 0))


def get_dead_letter(log: EventLog, topic: str, offset: int) -> DeadLetter:
    """A dead letter by its offset in the dead-letter topic.

    Raises: NotFound.
    """
    (name,) = list_dead_letter_topics(topic)
    for record in log.read(name, 0, offset, 1):
        if record.offset == offset:
            return decode_dead_letter(record)
    raise NotFound(f"{name} has no offset {offset}; `bookstream dlq list` shows what there is")


def redrive(log: EventLog, lake: Lake, topic: str) -> int:
    """Redrive the dead letters of a topic that weren't redriven before; their number.

    Idempotent by event id: after a crash some are sent twice, which has no second effect.
    """
    (name,) = list_dead_letter_topics(topic)
    todo = sum(at.lag for at in log.read_progress(name, GROUP))
    sent = 0
    consumer = log.create_consumer(GROUP, [name])
    try:
        while sent < todo:
            records = consumer.poll(limit=min(_CHUNK, todo - sent), timeout=5.0)
            for letter in _parse_records(records):
                redrive_one(log, lake, letter)
            consumer.commit([Position(r.topic, r.partition, r.offset + 1) for r in records[-1:]])
            sent += len(records)
    finally:
        consumer.close()
    return sent


def _parse_records(records: Iterable[Record]) -> Iterator[DeadLetter]:
    """Records that are no dead letters are skipped; `bookstream topics` counts them."""
    for record in records:
        with suppress(Invalid):
            yield decode_dead_letter(record)


def redrive_one(log: EventLog, lake: Lake, letter: DeadLetter) -> None:
    """Redrive one dead letter; the others stay as they are. One that is still too large is parked again.

    Raises: NotFound when its body is no longer in the lake.
    """
    message = restore_original(lake, letter)
    append_or_park(log, letter.topic, [message], keep=partial(keep_record, lake))


def restore_original(lake: Lake, letter: DeadLetter) -> Message:
    """The original message, from the lake when it was too large for a dead letter.

    Raises: NotFound.
    """
    if letter.body is None:
        return letter.original
    (stored,) = unpack_records(lake.get(letter.body))
    return letter.restore(stored)
