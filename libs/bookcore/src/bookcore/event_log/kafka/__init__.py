"""An event log on Apache Kafka 2.4 or newer.

An idempotent producer sends and awaits each append: acknowledged means stored by all in-sync replicas. An
append is not a transaction: after Unavailable a part of it may be stored, and the retry sends all of it again
with the same event ids.
"""

import time
from collections.abc import Mapping, Sequence

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupIdNotFoundError,
    NonEmptyGroupError,
    NotCoordinatorError,
)

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.event_log import Consumer, EventLog, PartitionProgress, Position, StartOffset
from bookcore.event_log.kafka.address import KafkaAddress, parse_address, translate_errors
from bookcore.event_log.kafka.group_consumer import KafkaGroupConsumer
from bookcore.event_log.kafka.partition_reader import PartitionReader
from bookcore.event_log.kafka.producer import TopicProducer
from bookcore.event_log.kafka.topics import declare_topics
from bookcore.event_log.oversized import check_sizes
from bookcore.events.message import Message, Record
from bookcore.events.topics import get_topic

_SETTLING = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
_DELETED = ("OK", GroupIdNotFoundError.__name__)
_COORDINATOR_WITHIN, _PAUSE = 15.0, 0.2  # seconds


def open_log(url: str) -> EventLog:
    """`kafka://host:port[,host:port]` with the options `prefix` (before every topic and group), `member`
    (static membership), `security`, `mechanism` and `cafile` (TLS and SASL).

    Raises: Unavailable when no broker answers, Invalid for a wrong URL.
    """
    return KafkaEventLog(parse_address(url))


class KafkaEventLog:
    """One producer, one reader, one admin client; consumers have clients of their own."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        with translate_errors(address):
            address.probe()
            self._reader = PartitionReader(KafkaConsumer(**address.build_consumer_settings()), address)
            self._admin = KafkaAdminClient(**address.build_client_settings())
            self._producer = TopicProducer(address)
        self._checked: set[str] = set()

    def append(self, topic: str, messages: Sequence[Message]) -> Sequence[Position]:
        """Unlike other logs, a part may be stored after Unavailable."""
        declared = get_topic(topic)
        check_sizes(messages)
        self._check_topic(topic)
        return self._producer.append(topic, [(declared.assign_partition(m.key), m) for m in messages])

    def create_consumer(
        self, group: str, topics: Sequence[str], *, start: StartOffset | None = None
    ) -> Consumer:
        """Raises: NotFound for a topic that the broker lacks, Invalid for one with another number of
        partitions.
        """
        for topic in topics:
            get_topic(topic)
            self._check_topic(topic)
        return KafkaGroupConsumer(self._address, group, topics, start=start)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        """Starts at the oldest retained record."""
        get_topic(topic)
        self._check_topic(topic)
        return self._reader.read(topic, partition, offset, limit)

    def read_progress(self, topic: str, group: str) -> Sequence[PartitionProgress]:
        declared = get_topic(topic)
        self._check_topic(topic)
        ends = self._reader.read_end_offsets(topic, range(declared.partitions))
        committed = self._read_committed(topic, group)
        return [PartitionProgress(topic, p, committed.get(p, 0), ends[p]) for p in range(declared.partitions)]

    def delete_group(self, group: str) -> bool:
        """A static member (`member`) counts as live until its session ends."""
        name = self._address.prefix + group
        with translate_errors(self._address):
            result = self._admin.delete_groups([name])[name]
        if result not in (*_DELETED, NonEmptyGroupError.__name__):
            raise Unavailable(f"{self._address} can't delete the group {name} now ({result})")
        return result in _DELETED

    def declare_topics(self) -> Sequence[str]:
        with translate_errors(self._address):
            return declare_topics(self._admin, self._address.prefix)

    def close(self) -> None:
        self._producer.close()
        self._reader.close()
        self._admin.close()

    def _read_committed(self, topic: str, group: str) -> Mapping[int, int]:
        name = self._address.prefix + group
        wanted = [TopicPartition(self._address.prefix + topic, p) for p in range(get_topic(topic).partitions)]
        deadline = time.monotonic() + _COORDINATOR_WITHIN
        with translate_errors(self._address):
            while True:
                try:
                    found = self._admin.list_group_offsets({name: wanted})[name]
                    break
                except GroupIdNotFoundError:
                    return {}
                except _SETTLING:  # the broker has just started
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_PAUSE)
        return {at.partition: max(kept.offset, 0) for at, kept in found.items()}

    def _check_topic(self, topic: str) -> None:
        """Asks the broker once per topic."""
        if topic in self._checked:
            return
        declared, there = get_topic(topic).partitions, self._reader.count_partitions(topic)
        if there == 0:
            raise NotFound(
                f"{self._address} has no topic {self._address.prefix}{topic}; run `bookstream topics apply`"
            )
        if there != declared:
            raise Invalid(
                f"topic {self._address.prefix}{topic} has {there} partitions where events/topics.py declares"
                f" {declared}; keys would move between them: declare it as a new topic version",
                field="BOOKSTREAM_EVENT_LOG_URL",
            )
        self._checked.add(topic)
