"""A member of a consumer group."""

from collections.abc import Iterable, Sequence

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    IllegalStateError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from bookcore.domain.errors import Conflict
from bookcore.event_log import Position, StartOffset
from bookcore.event_log.kafka.address import KafkaAddress, translate_errors
from bookcore.event_log.kafka.partition_reader import to_record
from bookcore.events.message import Record

_OUSTED = (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    """New partitions are paused until the next `poll` has determined their start offset.

    Revocation needs no flush: the caller of poll has finished the previous records.
    """

    def __init__(self, client: KafkaConsumer) -> None:
        self._client = client
        self.fresh: set[TopicPartition] = set()
        self.is_assigned = False

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by the client inside its poll, with the partitions that are new."""
        self.is_assigned = True
        for at in assigned:
            self._client.pause(at)
            self._client.seek(at, 0)
            self.fresh.add(at)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by the client inside its poll."""
        self.fresh.difference_update(revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Work in progress is fenced by the offsets of the store that it is written to."""
        self.fresh.difference_update(lost)


class KafkaGroupConsumer:
    """Cooperative rebalancing: only the partitions that move are stopped."""

    def __init__(
        self, address: KafkaAddress, group: str, topics: Sequence[str], *, start: StartOffset | None = None
    ) -> None:
        self._address, self._group, self._start = address, group, start
        self._topics = {address.prefix + topic: topic for topic in topics}
        with translate_errors(address):
            self._client = KafkaConsumer(**address.build_group_settings(group))
            self._rebalance = _Rebalance(self._client)
            self._client.subscribe(list(self._topics), listener=self._rebalance)
            for name in self._topics:  # a leader without metadata would assign no partition
                self._client.partitions_for_topic(name)

    @property
    def is_assigned(self) -> bool:
        return self._rebalance.is_assigned

    def poll(self, *, limit: int, timeout: float) -> Sequence[Record]:
        """Raises: Conflict when the start offset is no longer, or not yet, in the log."""
        with translate_errors(self._address):
            self._seek_new_partitions()  # first: a record read before the seek would be skipped
            try:
                found = self._client.poll(timeout_ms=int(timeout * 1_000), max_records=limit)
            except OffsetOutOfRangeError as error:
                raise Conflict(f"{self._group}: {self._address} has lost offsets ({error})") from error
        return [
            to_record(record, self._topics[at.topic]) for at, records in found.items() for record in records
        ]

    def commit(self, positions: Sequence[Position]) -> None:
        offsets = {self._to_topic_partition(at): OffsetAndMetadata(at.offset, "", -1) for at in positions}
        if not offsets.keys() <= self._client.assignment():
            raise Conflict(f"{self._group} no longer has all of {list(offsets)}; another member does")
        with translate_errors(self._address):
            try:
                self._client.commit(offsets, timeout_ms=10_000)
            except (*_OUSTED, IllegalStateError) as error:
                raise Conflict(f"{self._group} was given other partitions meanwhile ({error})") from error

    def seek(self, position: Position) -> None:
        at = self._to_topic_partition(position)
        if at in self._client.assignment():
            self._client.seek(at, position.offset)

    def close(self) -> None:
        self._client.close(autocommit=False, timeout_ms=5_000)

    def _to_topic_partition(self, position: Position) -> TopicPartition:
        return TopicPartition(self._address.prefix + position.topic, position.partition)

    def _seek_new_partitions(self) -> None:
        """Seeks each new partition to its start offset and resumes it."""
        for at in sorted(self._rebalance.fresh):
            self._client.seek(at, self._choose_start(at))
            self._client.resume(at)
            self._rebalance.fresh.discard(at)

    def _choose_start(self, at: TopicPartition) -> int:
        oldest: int = self._client.beginning_offsets([at])[at]
        end: int = self._client.end_offsets([at])[at]
        wanted = self._start(self._topics[at.topic], at.partition) if self._start else None
        committed = self._client.committed(at)
        if wanted is None:
            return max(committed or 0, oldest)
        if wanted > end:
            raise Conflict(
                f"{self._group} is at offset {wanted} of {at.topic}/{at.partition}, but the event log ends at"
                f" {end}: the log was replaced; bring it back, or start with a fresh catalogue and prefix"
            )
        if wanted < oldest:
            raise Conflict(
                f"{self._group} is at offset {wanted} of {at.topic}/{at.partition}, but retention has left"
                f" only those from {oldest} on; rebuild from the lake with `bookstream replay`"
            )
        if wanted != (committed or 0):
            self._client.commit({at: OffsetAndMetadata(wanted, "", -1)}, timeout_ms=10_000)
        return wanted
