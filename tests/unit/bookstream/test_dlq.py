"""`bookstream dlq` as its user types it, on a data folder with letters in it."""

import subprocess
from functools import partial
from pathlib import Path

import pytest
from tests.warm import run_warm

from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.dead_letters import DeadLetterQueue, RejectedRecord
from bookcore.event_log.oversized import append_or_park
from bookcore.events.dead_letter import decode_dead_letter
from bookcore.events.message import Message
from bookcore.events.topics import OBSERVED, STATE
from bookcore.lake import open_lake
from bookcore.lake.layout import keep_record


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three letters of the observed topic, one of them with headers that only we may send; one of state."""
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    forged = (("dlq_topic", b"books.book.state.v1"), ("dlq_redriven", b"many"), ("ce_id", b"3"))
    _park(log, OBSERVED.name, [Message("shop:1", b"one"), Message("shop:2", b"\xff", (("ce_id", b"2"),))])
    _park(log, OBSERVED.name, [Message("shop:3", b"three", forged)])
    _park(log, STATE.name, [Message("shop:4", b"four")])
    log.close()
    return tmp_path


def _park(log: EventLog, topic: str, messages: list[Message]) -> None:
    for at in log.append(topic, messages):
        (record,) = log.read(topic, at.partition, at.offset, 1)
        DeadLetterQueue(log).park([record], [RejectedRecord(record, f"{record.key} has no price")])


def run_dlq(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_warm("bookstream", "dlq", *words, "--data", str(data))


def read_values(data: Path, topic: str) -> list[bytes | None]:
    log = open_event_log(f"sqlite://{data}/log.db")
    found = [r.value for p in range(4) for r in log.read(topic, p, 0, 100)]
    log.close()
    return found


def test_a_letter_whose_body_is_in_the_lake_is_shown_and_redriven_whole(tmp_path: Path) -> None:
    log, lake = open_event_log(f"sqlite://{tmp_path}/log.db"), open_lake(f"file://{tmp_path}/lake")
    large = Message("shop:1", b"x" * 1_000_100, (("ce_id", b"1"),))
    append_or_park(log, OBSERVED.name, [large], keep=partial(keep_record, lake))
    log.close()
    shown = run_dlq(tmp_path, "show", OBSERVED.name, "0").stdout
    assert "reason   size is 10001" in shown
    assert len(shown) > 1_000_100
    assert run_dlq(tmp_path, "redrive").stdout.strip() == "1 sent"
    again = run_dlq(tmp_path, "list").stdout
    assert "2 dead letters, 1 never redriven" in again


def test_list_prints_each_dead_letter_with_reason_and_totals(data: Path) -> None:
    told = run_dlq(data, "list").stdout
    assert "shop:2" in told
    assert "shop:4 has no price" in told
    assert "4 dead letters, 4 never redriven" in told


def test_show_prints_origin_headers_and_value(data: Path) -> None:
    told = run_dlq(data, "show", OBSERVED.name, "1").stdout
    assert "reason   shop:2 has no price" in told
    assert f"from     {OBSERVED.name}/" in told
    assert "header   ce_id: 2" in told
    assert told.rstrip().endswith("\\xff")


def test_dry_run_sends_nothing(data: Path) -> None:
    assert "4 would be sent; nothing was" in run_dlq(data, "redrive", "--dry-run").stdout
    assert len(read_values(data, OBSERVED.name)) == 3


def test_redrive_sends_each_dead_letter_once_to_its_topic(data: Path) -> None:
    assert "4 sent" in run_dlq(data, "redrive").stdout
    assert sorted(read_values(data, OBSERVED.name), key=str) == sorted(
        [b"one", b"\xff", b"three"] * 2, key=str
    )
    assert read_values(data, STATE.name) == [b"four", b"four"]
    assert "0 sent" in run_dlq(data, "redrive").stdout
    assert "0 never redriven" in run_dlq(data, "list").stdout


def test_redrive_of_one_offset_counts_its_attempts(data: Path) -> None:
    assert "1 sent" in run_dlq(data, "redrive", "--topic", OBSERVED.name, "--offset", "0").stdout
    log = open_event_log(f"sqlite://{data}/log.db")
    (again,) = [
        r for p in range(4) for r in log.read(OBSERVED.name, p, 0, 100) if r.get_header("dlq_redriven") == "1"
    ]
    DeadLetterQueue(log).park([again], [RejectedRecord(again, "still none")])
    letter = decode_dead_letter(log.read(OBSERVED.dead_letter_topic, 0, 3, 1)[0])
    log.close()
    assert (again.value, letter.redrive_count, letter.reason) == (b"one", 1, "still none")


def test_unknown_offset_is_reported(data: Path) -> None:
    asked = run_dlq(data, "show", OBSERVED.name, "99")
    assert asked.returncode == 1
    assert "has no offset 99" in asked.stderr
