from collections.abc import Iterator
from pathlib import Path

import pytest

from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.dead_letters import (
    DeadLetterLimits,
    DeadLetterQueue,
    RejectedRecord,
    TooManyDeadLetters,
)
from bookcore.events.message import Record
from bookcore.events.topics import OBSERVED
from bookcore.testing.builders import EPOCH


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    yield log
    log.close()


def records(count: int) -> list[Record]:
    return [Record(OBSERVED.name, 2, n, EPOCH, f"k{n}", b"v", (("h", b"1"),)) for n in range(count)]


def test_a_dead_letter_keeps_bytes_headers_coordinates_and_reason(log: EventLog) -> None:
    record = records(1)[0]
    DeadLetterQueue(log).park([record], [RejectedRecord(record, "price is missing")])
    (letter,) = log.read(OBSERVED.dead_letter_topic, 0, 0, 10)
    assert (letter.key, letter.value, letter.get_header("h")) == ("k0", b"v", "1")
    assert letter.get_header("dlq_reason") == "price is missing"
    assert (letter.get_header("dlq_partition"), letter.get_header("dlq_offset")) == ("2", "0")


def test_too_many_in_a_row_stop_the_consumer_before_the_topic_is_drained(log: EventLog) -> None:
    dead = DeadLetterQueue(log, DeadLetterLimits(consecutive=3))
    bad = records(4)
    with pytest.raises(TooManyDeadLetters, match=r"more than 3 in a row.*no price"):
        dead.park(bad, [RejectedRecord(record, "no price") for record in bad])
    assert log.read(OBSERVED.dead_letter_topic, 0, 0, 10) == []


def test_too_large_a_share_stops_the_consumer(log: EventLog) -> None:
    dead = DeadLetterQueue(log, DeadLetterLimits(consecutive=100, ratio=0.4, window=10))
    some = records(10)
    with pytest.raises(TooManyDeadLetters, match="more than 40% of the last 10"):
        dead.park(some, [RejectedRecord(record, "r") for record in some[::2]])


def test_the_share_counts_only_once_the_window_is_full(log: EventLog) -> None:
    dead = DeadLetterQueue(log, DeadLetterLimits(consecutive=100, ratio=0.4, window=10))
    some = records(9)
    dead.park(some, [RejectedRecord(record, "r") for record in some[::2]])
    assert len(log.read(OBSERVED.dead_letter_topic, 0, 0, 10)) == 5
    with pytest.raises(TooManyDeadLetters, match="more than 40% of the last 10"):
        dead.park([records(10)[-1]], [])


def test_a_good_record_ends_a_row(log: EventLog) -> None:
    dead = DeadLetterQueue(log, DeadLetterLimits(consecutive=2, window=1_000))
    some = records(9)
    dead.park(some, [RejectedRecord(record, "r") for record in some if record.offset % 3])
    assert len(log.read(OBSERVED.dead_letter_topic, 0, 0, 10)) == 6


def test_a_batch_that_comes_again_is_neither_counted_nor_sent_again(log: EventLog) -> None:
    dead = DeadLetterQueue(log, DeadLetterLimits(consecutive=5))
    bad = records(4)
    for _ in range(3):
        dead.park(bad, [RejectedRecord(record, "r") for record in bad])
    assert len(log.read(OBSERVED.dead_letter_topic, 0, 0, 100)) == 4
