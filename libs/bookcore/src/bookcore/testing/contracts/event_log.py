"""Behaviour of every event log."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pytest

from bookcore.domain.errors import Conflict, Invalid, NotFound
from bookcore.event_log import Consumer, EventLog, Position, open_event_log
from bookcore.event_log.oversized import append_or_park
from bookcore.events.dead_letter import decode_dead_letter
from bookcore.events.message import Message, Record
from bookcore.events.topics import OBSERVED, get_topic

TOPIC = OBSERVED.name
_APPEND_FOR_EVER = """
import sys
from bookcore.event_log import open_event_log
from bookcore.events.message import Message
log = open_event_log(sys.argv[1])
for n in range(100_000):
    at = log.append(sys.argv[2], [Message(f"{sys.argv[3]}-{n}-{m}", b"x" * 500) for m in range(3)])
    print(n, flush=True)
"""
_APPEND_AT_ONCE = """
import sys
from bookcore.event_log import open_event_log
from bookcore.events.message import Message
messages = [Message(f"k{n}", b"x" * 100) for n in range(int(sys.argv[3]))]
open_event_log(sys.argv[1]).append(sys.argv[2], messages)
"""
_MANY = 50_000


def make_messages(count: int, *, key: str = "k") -> list[Message]:
    """`count` messages whose keys differ and whose values are their number."""
    return [Message(f"{key}{n}", str(n).encode(), (("n", str(n).encode()),)) for n in range(count)]


def drain(consumer: Consumer, *, want: int, within: float = 10) -> list[Record]:
    """Poll until `want` records came; fewer when `within` seconds pass."""
    found: list[Record] = []
    for _ in range(int(within * 10)):
        found += consumer.poll(limit=500, timeout=0.1)
        if len(found) >= want:
            break
    return found


def drain_both(one: Consumer, two: Consumer, *, want: int) -> tuple[list[Record], list[Record]]:
    """Poll both in turn until `want` records came in all; fewer when 10 s pass."""
    mine: list[Record] = []
    yours: list[Record] = []
    for _ in range(50):
        mine += one.poll(limit=500, timeout=0.1)
        yours += two.poll(limit=500, timeout=0.1)
        if len(mine) + len(yours) >= want:
            break
    return mine, yours


def compute_next_positions(records: Sequence[Record]) -> list[Position]:
    """What to commit after these records."""
    ends = {(r.topic, r.partition): r.offset + 1 for r in records}
    return [Position(topic, partition, offset) for (topic, partition), offset in ends.items()]


class EventLogContract:
    """A subclass provides `url` for an empty log."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty log."""
        raise NotImplementedError

    @pytest.fixture
    def log(self, url: str) -> Iterator[EventLog]:
        """The open log."""
        log = open_event_log(url)
        yield log
        log.close()

    def test_records_equal_appended_messages(self, log: EventLog) -> None:
        sent = [*make_messages(3), Message("gone", None), Message("odd", b"\xff\x00", (("h", b"\xfe"),))]
        log.append(TOPIC, sent)
        consumer = log.create_consumer("g", [TOPIC])
        got = drain(consumer, want=5)
        consumer.close()
        assert {(r.key, r.value, r.headers) for r in got} == {(m.key, m.value, m.headers) for m in sent}

    def test_a_message_that_is_too_large_is_refused_and_nothing_of_its_append_is_stored(
        self, log: EventLog
    ) -> None:
        with pytest.raises(Invalid, match="larger than"):
            log.append(TOPIC, [Message("small", b"v"), Message("large", bytes(1_100_000))])
        assert sum(part.end for part in log.read_progress(TOPIC, "g")) == 0
        log.append(TOPIC, [Message("large", bytes(1_000_000))])

    def test_a_message_that_is_too_large_is_parked_and_the_others_go_on(self, log: EventLog) -> None:
        kept: list[Record] = []

        def keep(record: Record) -> str:
            kept.append(record)
            return "oversized/1"

        large = Message("shop:large" * 100, bytes(1_000_001), (("h", b"1"),))
        sent = [Message("shop:a", b"v"), large, Message("shop:b", b"v")]
        assert append_or_park(log, TOPIC, sent, keep=keep) == [1]
        assert sum(part.end for part in log.read_progress(TOPIC, "g")) == 2
        letter = decode_dead_letter(log.read(get_topic(TOPIC).dead_letter_topic, 0, 0, 10)[0])
        assert (letter.body, len(letter.record.key), letter.record.value) == ("oversized/1", 200, b"")
        assert letter.reason.startswith("size is 100")
        restored = letter.restore(kept[0])
        assert (restored.key, restored.value) == (large.key, large.value)
        assert restored.headers == (("h", b"1"), ("dlq_redriven", b"1"))

    def test_a_key_keeps_its_order_and_its_partition(self, log: EventLog) -> None:
        for n in range(20):
            log.append(TOPIC, [Message("same", str(n).encode()), Message(f"other{n}", b"")])
        consumer = log.create_consumer("g", [TOPIC])
        same = [r for r in drain(consumer, want=40) if r.key == "same"]
        consumer.close()
        assert [r.value for r in same] == [str(n).encode() for n in range(20)]
        assert len({r.partition for r in same}) == 1

    def test_offsets_of_a_partition_have_no_gap(self, log: EventLog) -> None:
        positions = [p for _ in range(3) for p in log.append(TOPIC, make_messages(50))]
        for partition in {p.partition for p in positions}:
            offsets = [p.offset for p in positions if p.partition == partition]
            assert offsets == list(range(len(offsets)))

    def test_a_group_resumes_after_its_committed_offsets(self, log: EventLog) -> None:
        log.append(TOPIC, make_messages(30))
        first = log.create_consumer("g", [TOPIC])
        seen = drain(first, want=30)
        first.commit(compute_next_positions(seen))
        first.close()
        log.append(TOPIC, make_messages(5, key="later"))
        second = log.create_consumer("g", [TOPIC])
        assert {r.key for r in drain(second, want=5)} == {f"later{n}" for n in range(5)}
        second.close()

    def test_uncommitted_records_are_redelivered(self, log: EventLog) -> None:
        log.append(TOPIC, make_messages(7))
        first = log.create_consumer("g", [TOPIC])
        assert len(drain(first, want=7)) == 7
        first.close()
        second = log.create_consumer("g", [TOPIC])
        assert len(drain(second, want=7)) == 7
        second.close()

    def test_groups_do_not_disturb_each_other(self, log: EventLog) -> None:
        log.append(TOPIC, make_messages(4))
        one, two = log.create_consumer("one", [TOPIC]), log.create_consumer("two", [TOPIC])
        assert len(drain(one, want=4)) == len(drain(two, want=4)) == 4
        one.close()
        two.close()

    def test_members_divide_the_partitions_and_take_over_from_a_member_that_leaves(
        self, log: EventLog
    ) -> None:
        one, two = log.create_consumer("g", [TOPIC]), log.create_consumer("g", [TOPIC])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # until the partitions are shared out
            log.append(TOPIC, make_messages(100))
            mine, yours = drain_both(one, two, want=100)
            if mine and yours and not {r.partition for r in mine} & {r.partition for r in yours}:
                break
        else:
            pytest.fail(f"not shared: {[r.partition for r in mine]} and {[r.partition for r in yours]}")
        one.close()
        log.append(TOPIC, make_messages(100, key="after"))
        taken: set[str] = set()
        for _ in range(400):  # what `one` had and didn't commit comes, too
            taken |= {r.key for r in two.poll(limit=500, timeout=0.1) if r.key.startswith("after")}
            if len(taken) == 100:
                break
        assert len(taken) == 100
        two.close()

    def test_a_commit_for_a_lost_partition_is_refused(self, log: EventLog) -> None:
        log.append(TOPIC, make_messages(40))
        consumer = log.create_consumer("g", [TOPIC])
        seen = drain(consumer, want=40)
        consumer.close()
        other = log.create_consumer("g", [TOPIC])
        drain(other, want=40)
        with pytest.raises(Conflict):
            consumer.commit(compute_next_positions(seen))
        other.close()

    def test_seek_moves_the_reader(self, log: EventLog) -> None:
        at = log.append(TOPIC, [Message("k", str(n).encode()) for n in range(10)])[7]
        consumer = log.create_consumer("g", [TOPIC])
        drain(consumer, want=10)
        consumer.seek(at)
        assert [r.value for r in drain(consumer, want=3)] == [b"7", b"8", b"9"]
        consumer.close()

    def test_a_start_function_overrules_the_committed_offset(self, log: EventLog) -> None:
        at = log.append(TOPIC, [Message("k", str(n).encode()) for n in range(5)])[0].partition
        consumer = log.create_consumer(
            "g", [TOPIC], start=lambda _topic, partition: 3 if partition == at else None
        )
        assert [r.value for r in drain(consumer, want=2)] == [b"3", b"4"]
        consumer.close()
        assert sum(p.lag for p in log.read_progress(TOPIC, "g")) == 2

    def test_a_start_beyond_the_end_is_refused_because_the_log_was_replaced(self, log: EventLog) -> None:
        consumer = log.create_consumer("g", [TOPIC], start=lambda _topic, _partition: 7)
        with pytest.raises(Conflict, match="replaced"):
            drain(consumer, want=1)
        consumer.close()

    def test_progress_has_the_lag_of_a_group(self, log: EventLog) -> None:
        log.append(TOPIC, make_messages(10))
        assert sum(p.lag for p in log.read_progress(TOPIC, "g")) == 10
        consumer = log.create_consumer("g", [TOPIC])
        consumer.commit(compute_next_positions(drain(consumer, want=10)))
        consumer.close()
        assert sum(p.lag for p in log.read_progress(TOPIC, "g")) == 0

    def test_a_deleted_group_has_no_offsets_left(self, log: EventLog) -> None:
        log.append(TOPIC, make_messages(10))
        consumer = log.create_consumer("g", [TOPIC])
        consumer.commit(compute_next_positions(drain(consumer, want=10)))
        assert log.delete_group("g") is False
        assert sum(p.lag for p in log.read_progress(TOPIC, "g")) == 0
        consumer.close()
        assert log.delete_group("g") is True
        assert sum(p.committed for p in log.read_progress(TOPIC, "g")) == 0
        assert log.delete_group("g") is True

    def test_read_looks_without_a_group(self, log: EventLog) -> None:
        at = log.append(TOPIC, [Message("k", str(n).encode()) for n in range(10)])[0]
        assert [r.value for r in log.read(TOPIC, at.partition, 2, 3)] == [b"2", b"3", b"4"]

    def test_an_undeclared_topic_is_refused(self, log: EventLog) -> None:
        with pytest.raises(NotFound, match=r"books\.nothing"):
            log.append("books.nothing", make_messages(1))

    def test_an_idle_poll_returns_empty_after_its_time(self, log: EventLog) -> None:
        consumer = log.create_consumer("g", [TOPIC])
        assert consumer.poll(limit=1, timeout=0.05) == []
        consumer.close()

    def test_concurrent_appends_lose_no_acknowledged_message_on_kill_9(self, url: str, log: EventLog) -> None:
        command = [sys.executable, "-c", _APPEND_FOR_EVER, url, TOPIC]
        writers = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "ab"]
        for writer in writers:
            for _ in range(20):
                assert writer.stdout is not None
                writer.stdout.readline()
            writer.kill()
        acknowledged = {name: _read_last_number(writer) for name, writer in zip("ab", writers, strict=True)}
        keys = {
            r.key for partition in range(OBSERVED.partitions) for r in log.read(TOPIC, partition, 0, 10_000)
        }
        for name, last in acknowledged.items():
            assert {f"{name}-{n}-{m}" for n in range(last + 1) for m in range(3)} <= keys

    def test_a_killed_append_is_stored_whole_or_not_at_all(self, url: str, log: EventLog) -> None:
        writer = subprocess.Popen([sys.executable, "-c", _APPEND_AT_ONCE, url, TOPIC, str(_MANY)])
        while not (there := sum(at.end for at in log.read_progress(TOPIC, "g"))):
            assert writer.poll() in (None, 0)
        writer.kill()
        writer.wait()
        assert there == _MANY

    def test_a_killed_member_frees_its_partitions(self, url: str, log: EventLog) -> None:
        code = (
            "import sys; from bookcore.event_log import open_event_log\n"
            f"c = open_event_log({url!r}).create_consumer('g', [{TOPIC!r}]); c.poll(limit=1, timeout=3)\n"
            "print('in', flush=True); sys.stdin.read()"
        )
        member = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert member.stdout is not None
        assert member.stdout.readline() == "in\n"
        member.kill()
        member.communicate()
        log.append(TOPIC, make_messages(40))
        consumer = log.create_consumer("g", [TOPIC])
        assert len(drain(consumer, want=40, within=40)) == 40
        consumer.close()


def _read_last_number(writer: subprocess.Popen[str]) -> int:
    rest, _ = writer.communicate()
    lines = [line for line in rest.splitlines() if line.isdecimal()]
    return int(lines[-1]) if lines else 19
