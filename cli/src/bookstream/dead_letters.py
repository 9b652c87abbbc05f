"""Reading dead letters and sending them again."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bookcore.domain.errors import Invalid, NotFound
from bookcore.event_log import EventLog, Position
from bookcore.events.letters import Letter, letter_of
from bookcore.events.message import Record
from bookcore.events.topics import TOPICS, topic_named
from bookstream.audit import every_record

GROUP = "bookstream.redrive"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter and whether it was sent again already."""

    letter: Letter
    is_redriven: bool


def dead_letter_topics(topic: str | None) -> Sequence[str]:
    """The dead-letter topic of one topic, or all of them.

    Raises: NotFound for an undeclared topic.
    """
    if topic is not None:
        return [topic if topic.endswith(".dlq") else topic_named(topic).dead_letters]
    return [name for name in TOPICS if name.endswith(".dlq")]


def letters(log: EventLog, topic: str | None = None) -> Iterator[Kept]:
    """Every letter, in the order in which they were parked, topic by topic."""
    for name in dead_letter_topics(topic):
        done = {at.partition: at.committed for at in log.progress(name, GROUP)}
        for letter in _readable(every_record(log, name)):
            yield Kept(letter, letter.record.offset < done.get(letter.record.partition, 0))


def letter_at(log: EventLog, topic: str, offset: int) -> Letter:
    """One letter by its offset in the dead-letter topic.

    Raises: NotFound.
    """
    (name,) = dead_letter_topics(topic)
    for record in log.read(name, 0, offset, 1):
        if record.offset == offset:
            return letter_of(record)
    raise NotFound(f"{name} has no offset {offset}; `bookstream dlq list` shows what there is")


def redrive(log: EventLog, topic: str) -> int:
    """Send all letters of a topic again that weren't sent before; how many.

    After a crash some are sent twice, which is harmless: the same event has no second effect.
    """
    (name,) = dead_letter_topics(topic)
    todo = sum(at.lag for at in log.progress(name, GROUP))
    sent = 0
    consumer = log.consumer(GROUP, [name])
    try:
        while sent < todo:
            records = consumer.poll(limit=min(_CHUNK, todo - sent), timeout=5.0)
            for letter in _readable(records):
                log.append(letter.topic, [letter.original])
            consumer.commit([Position(r.topic, r.partition, r.offset + 1) for r in records[-1:]])
            sent += len(records)
    finally:
        consumer.close()
    return sent


def _readable(records: Iterable[Record]) -> Iterator[Letter]:
    """What else was written to the topic is passed over; `bookstream topics` counts it."""
    for record in records:
        with suppress(Invalid):
            yield letter_of(record)


def redrive_one(log: EventLog, letter: Letter) -> None:
    """Send one letter again; the others stay as they are."""
    log.append(letter.topic, [letter.original])
