"""Reads partitions without a consumer group."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from bookcore.domain.errors import Unavailable
from bookcore.event_log.kafka.address import KafkaAddress, translate_errors
from bookcore.events.message import Record

_WITHIN = 15.0  # seconds to wait for existing records


class PartitionReader:
    """One client, one caller at a time; a read that continues the previous one needs no seek."""

    def __init__(self, client: KafkaConsumer, address: KafkaAddress) -> None:
        self._client = client
        self._address = address
        self._lock = Lock()

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        at = TopicPartition(self._address.prefix + topic, partition)
        with self._lock, translate_errors(self._address):
            first = self._client.beginning_offsets([at])[at]
            end = self._client.end_offsets([at])[at]
            self._seek(at, max(offset, first))
            deadline = time.monotonic() + _WITHIN
            while self._client.position(at) < end:
                if found := self._client.poll(timeout_ms=200, max_records=limit).get(at):
                    return [to_record(each, topic) for each in found]
                if time.monotonic() > deadline:
                    raise Unavailable(f"{self._address} doesn't deliver {topic}/{partition}", retry_after=2)
        return []

    def read_end_offsets(self, topic: str, partitions: Iterable[int]) -> Mapping[int, int]:
        """The next offset to be written, by partition."""
        wanted = [TopicPartition(self._address.prefix + topic, p) for p in partitions]
        with self._lock, translate_errors(self._address):
            return {at.partition: end for at, end in self._client.end_offsets(wanted).items()}

    def count_partitions(self, topic: str) -> int:
        """The broker's number of partitions; 0 when it lacks the topic."""
        with self._lock, translate_errors(self._address):
            return len(self._client.partitions_for_topic(self._address.prefix + topic) or ())

    def close(self) -> None:
        """Frees the connections."""
        with self._lock:
            self._client.close(autocommit=False)

    def _seek(self, at: TopicPartition, offset: int) -> None:
        if self._client.assignment() != {at}:
            self._client.assign([at])
            self._client.seek(at, offset)
        elif self._client.position(at) != offset:
            self._client.seek(at, offset)


def to_record(found: Any, topic: str) -> Record:  # Any: the client has no types
    """The record under its topic's own name, without the prefix."""
    return Record(
        topic,
        found.partition,
        found.offset,
        datetime.fromtimestamp(found.timestamp / 1_000, UTC),
        "" if found.key is None else found.key.decode("utf-8", "replace"),
        found.value,
        tuple(found.headers),
    )
