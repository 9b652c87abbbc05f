"""An event log in one SQLite file (WAL), shared by all processes of one machine.

A record's row id is its partition's number shifted left by 40 bits plus its offset, so that a partition is
one range of the table. Appends are one synced transaction: acknowledged means on disk.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Lock

import orjson

from bookcore.domain.book import from_version
from bookcore.domain.errors import Conflict
from bookcore.event_log import Consumer, EventLog, PartitionProgress, Position, StartOffset
from bookcore.event_log.oversized import check_sizes
from bookcore.event_log.sqlite_connection import begin_write, connect
from bookcore.event_log.sqlite_group import GroupMember, get_group_folder, has_members
from bookcore.events.message import Headers, Message, Record
from bookcore.events.topics import TOPICS, get_topic

_SHIFT = 40
_IDLE_FIRST, _IDLE_LONGEST, _REBALANCE_EVERY = 0.002, 0.05, 0.25  # seconds


def open_log(url: str) -> EventLog:
    """`sqlite:///absolute/file.db`; the file and its folder are created if absent."""
    return SqliteEventLog(Path(url.removeprefix("sqlite://")))


class SqliteEventLog:
    """One writing connection behind a lock, one reading connection behind another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = connect(path, synchronous="FULL")
        self._reader = connect(path, synchronous="NORMAL")
        self._write_lock, self._read_lock = Lock(), Lock()
        self._numbers = self._declare_partitions()

    def append(self, topic: str, messages: Sequence[Message]) -> Sequence[Position]:
        declared = get_topic(topic)
        check_sizes(messages)
        partitions = [declared.assign_partition(message.key) for message in messages]
        with self._write_lock, begin_write(self._writer):
            ends = self._read_end_offsets(topic, sorted(set(partitions)))
            positions = []
            for partition in partitions:
                positions.append(Position(topic, partition, ends[partition]))
                ends[partition] += 1
            self._insert(positions, messages)
            self._writer.executemany(
                "UPDATE partitions SET next = ? WHERE topic = ? AND partition = ?",
                [(end, topic, partition) for partition, end in ends.items()],
            )
        return positions

    def create_consumer(
        self, group: str, topics: Sequence[str], *, start: StartOffset | None = None
    ) -> Consumer:
        partitions = [(name, p) for name in topics for p in range(get_topic(name).partitions)]
        member = GroupMember(get_group_folder(self.path, group), partitions)
        return SqliteConsumer(self, group, member, start=start)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        number = self._get_partition_number(topic, partition)
        low, high = number << _SHIFT, (number + 1) << _SHIFT
        with self._read_lock:
            rows = self._reader.execute(
                "SELECT id, timestamp, key, value, headers FROM records"
                " WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                (low + offset, high, limit),
            ).fetchall()
        return [
            Record(topic, partition, row_id - low, from_version(timestamp), key, value, _unpack(headers))
            for row_id, timestamp, key, value, headers in rows
        ]

    def read_progress(self, topic: str, group: str) -> Sequence[PartitionProgress]:
        get_topic(topic)
        with self._read_lock:
            rows = self._reader.execute(
                "SELECT p.partition, coalesce(c.next, 0), p.next FROM partitions p LEFT JOIN committed c"
                " ON c.topic = p.topic AND c.partition = p.partition AND c.consumer_group = ?"
                " WHERE p.topic = ? ORDER BY p.partition",
                (group, topic),
            ).fetchall()
        return [PartitionProgress(topic, *row) for row in rows]

    def delete_group(self, group: str) -> bool:
        """Its empty lock files stay."""
        if has_members(get_group_folder(self.path, group)):
            return False
        with self._write_lock, begin_write(self._writer):
            self._writer.execute("DELETE FROM committed WHERE consumer_group = ?", (group,))
        return True

    def declare_topics(self) -> Sequence[str]:
        """Opening the file has declared them."""
        return [f"kept {name}" for name in TOPICS]

    def close(self) -> None:
        with self._read_lock, self._write_lock:
            self._reader.close()
            self._writer.close()

    def _declare_partitions(self) -> Mapping[tuple[str, int], int]:
        wanted = [(topic.name, p) for topic in TOPICS.values() for p in range(topic.partitions)]
        known = self._read_partitions()
        if not known.keys() >= set(wanted):
            with begin_write(self._writer):
                self._writer.executemany(
                    "INSERT OR IGNORE INTO partitions (topic, partition) VALUES (?, ?)", wanted
                )
            known = self._read_partitions()
        return known

    def _read_partitions(self) -> Mapping[tuple[str, int], int]:
        rows = self._writer.execute("SELECT topic, partition, number FROM partitions")
        return {(topic, partition): number for topic, partition, number in rows}

    def _get_partition_number(self, topic: str, partition: int) -> int:
        get_topic(topic)
        return self._numbers[topic, partition]

    def _read_end_offsets(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        rows = self._writer.execute("SELECT partition, next FROM partitions WHERE topic = ?", (topic,))
        return {partition: end for partition, end in rows if partition in partitions}

    def _insert(self, positions: Sequence[Position], messages: Sequence[Message]) -> None:
        now = int(time.time() * 1_000_000)
        self._writer.executemany(
            "INSERT INTO records (id, timestamp, key, value, headers) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    (self._numbers[at.topic, at.partition] << _SHIFT) + at.offset,
                    now,
                    message.key,
                    message.value,
                    _pack(message.headers),
                )
                for at, message in zip(positions, messages, strict=True)
            ],
        )


class SqliteConsumer:
    """Reads through its event log; commits on a connection of its own."""

    def __init__(
        self, log: SqliteEventLog, group: str, member: GroupMember, *, start: StartOffset | None = None
    ) -> None:
        self._log, self._group, self._member, self._start = log, group, member, start
        self._connection = connect(log.path, synchronous="NORMAL")
        self._next: dict[tuple[str, int], int] = {}
        self._rotation = 0
        self._rebalance_at = 0.0
        self._pause = Event()

    @property
    def is_assigned(self) -> bool:
        return self._rebalance_at > 0

    def poll(self, *, limit: int, timeout: float) -> Sequence[Record]:
        deadline = time.monotonic() + timeout
        idle = _IDLE_FIRST
        while True:
            self._rebalance_when_due()
            seen = self._read_data_version()
            records = self._fetch(limit)
            if records or time.monotonic() >= deadline:
                return records
            while self._read_data_version() == seen and time.monotonic() < min(deadline, self._rebalance_at):
                self._pause.wait(idle)
                idle = min(idle * 2, _IDLE_LONGEST)

    def commit(self, positions: Sequence[Position]) -> None:
        owned = self._member.owned
        for at in positions:
            if (at.topic, at.partition) not in owned:
                raise Conflict(f"{self._group} no longer has {at.topic}/{at.partition}; another member does")
        with begin_write(self._connection):
            self._connection.executemany(
                "INSERT OR REPLACE INTO committed (consumer_group, topic, partition, next)"
                " VALUES (?, ?, ?, ?)",
                [(self._group, at.topic, at.partition, at.offset) for at in positions],
            )

    def seek(self, position: Position) -> None:
        if (position.topic, position.partition) in self._next:
            self._next[position.topic, position.partition] = position.offset

    def close(self) -> None:
        self._member.leave()
        self._connection.close()

    def _rebalance_when_due(self) -> None:
        if time.monotonic() < self._rebalance_at:
            return
        for gone in self._member.rebalance():
            self._next.pop(gone, None)
        for topic, partition in self._member.owned:
            if (topic, partition) not in self._next:
                self._next[topic, partition] = self._choose_start(topic, partition)
        self._rebalance_at = time.monotonic() + _REBALANCE_EVERY

    def _choose_start(self, topic: str, partition: int) -> int:
        here = next(p for p in self._log.read_progress(topic, self._group) if p.partition == partition)
        wanted = self._start(topic, partition) if self._start else None
        if wanted is None or wanted == here.committed:
            return here.committed
        if wanted > here.end:
            raise Conflict(
                f"{self._group} is at offset {wanted} of {topic}/{partition}, but the event log ends at"
                f" {here.end}: the log was replaced; bring it back, or start with a fresh data folder"
            )
        self.commit([Position(topic, partition, wanted)])  # otherwise the lag would count applied records
        return wanted

    def _fetch(self, limit: int) -> Sequence[Record]:
        owned = sorted(self._next)
        found: list[Record] = []
        for step in range(len(owned)):
            topic, partition = owned[(self._rotation + step) % len(owned)]
            records = self._log.read(topic, partition, self._next[topic, partition], limit - len(found))
            if records:
                self._next[topic, partition] = records[-1].offset + 1
                found.extend(records)
            if len(found) >= limit:
                break
        self._rotation += 1
        return found

    def _read_data_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


def _pack(headers: Headers) -> bytes:
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers])


def _unpack(headers: bytes) -> Headers:
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(headers))
