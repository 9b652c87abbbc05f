"""Reads topics of the event log."""

from collections.abc import Iterator

from bookcore.event_log import EventLog
from bookcore.events.message import Record
from bookcore.events.topics import get_topic

_CHUNK = 2_000  # records


def read_topic(log: EventLog, topic: str) -> Iterator[Record]:
    """A topic from its beginning to its present end, partition by partition."""
    for partition in range(get_topic(topic).partitions):
        offset = 0
        while records := log.read(topic, partition, offset, _CHUNK):
            yield from records
            offset = records[-1].offset + 1


def count_messages(log: EventLog, topic: str) -> int:
    """Messages that the topic has had so far."""
    return sum(p.end for p in log.read_progress(topic, "nobody"))
