"""A source most of whose records are rejected is paused; nothing is lost and no other source waits."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bookcore.domain.printed_listing import Remark
from bookcore.event_log.dead_letters import DeadLetterLimits
from bookcore.events.codec import encode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import OBSERVED
from bookcore.testing.builders import EPOCH
from bookcore.testing.listings import PRINTED, make_listing_observation
from ingestor.accept import ValidatedBatch, validate_batch
from ingestor.source_guard import SourceGuard

LIMITS = DeadLetterLimits(consecutive=3, ratio=0.5, window=10)


def observe(source: str, *, offset: int, is_bad: bool = False) -> Record:
    event = make_listing_observation(
        replace(PRINTED, title=None) if is_bad else PRINTED, source=source, source_id=f"b{offset}"
    )
    message = encode(event, source="test")
    return Record(OBSERVED.name, 0, offset, EPOCH, message.key, message.value, message.headers)


def judge(guard: SourceGuard, records: Sequence[Record]) -> ValidatedBatch:
    batch = Batch(OBSERVED.name, 0, records)
    return guard.hold(batch, validate_batch(batch))


def accepted(found: ValidatedBatch) -> list[str]:
    return [observation.book_id for observation in found.observations]


def test_a_source_with_too_many_bad_records_in_a_row_is_paused_and_others_go_on() -> None:
    guard = SourceGuard(LIMITS)
    bad = [observe("bad", offset=n, is_bad=True) for n in range(4)]
    found = judge(guard, [*bad, observe("bad", offset=4), observe("good", offset=5)])
    assert accepted(found) == ["good:b5"]
    assert [one.record.offset for one in found.rejected] == [0, 1, 2, 3, 4]
    assert found.rejected[-1].reason == "source bad is paused: too many of its records were rejected"


def test_a_source_with_too_large_a_share_of_bad_records_is_paused() -> None:
    guard = SourceGuard(replace(LIMITS, consecutive=100))
    mixed = [observe("bad", offset=n, is_bad=n % 5 > 1) for n in range(10)]
    assert len(accepted(judge(guard, mixed))) == 4
    assert accepted(judge(guard, [observe("bad", offset=10), observe("good", offset=11)])) == ["good:b11"]


def test_a_paused_source_goes_on_once_nearly_all_of_its_records_are_acceptable() -> None:
    changes: list[tuple[str, bool]] = []

    def note(source: str, *, is_paused: bool) -> None:
        changes.append((source, is_paused))

    guard = SourceGuard(LIMITS, on_pause=note)
    judge(guard, [observe("bad", offset=n, is_bad=True) for n in range(4)])
    found = judge(guard, [observe("bad", offset=n) for n in range(4, 16)])
    assert accepted(found) == ["bad:b12", "bad:b13", "bad:b14", "bad:b15"]
    assert changes == [("bad", True), ("bad", False)]


def test_a_batch_that_comes_again_is_decided_as_before() -> None:
    noted: list[tuple[str, Remark]] = []
    guard = SourceGuard(LIMITS, on_remarks=noted.extend)
    records = [observe("bad", offset=0), *(observe("bad", offset=n, is_bad=True) for n in range(1, 5))]
    first = judge(guard, records)
    assert judge(guard, records) == first
    assert accepted(first) == ["bad:b0"]


def test_a_pause_that_could_not_be_recorded_is_told_again() -> None:
    calls: list[str] = []

    def fail_once(source: str, *, is_paused: bool) -> None:
        calls.append(source)
        if len(calls) == 1:
            raise ConnectionError

    guard = SourceGuard(LIMITS, on_pause=fail_once)
    records = [observe("bad", offset=n, is_bad=True) for n in range(4)]
    with pytest.raises(ConnectionError):
        judge(guard, records)
    judge(guard, records)
    judge(guard, records)
    assert calls == ["bad", "bad"]


def test_remarks_are_told_once_by_source_and_field() -> None:
    noted: list[tuple[str, Remark]] = []
    guard = SourceGuard(LIMITS, on_remarks=noted.extend)
    event = make_listing_observation(replace(PRINTED, pages="xii", rating="9"))
    message = encode(event, source="test")
    record = Record(OBSERVED.name, 0, 0, EPOCH, message.key, message.value, message.headers)
    for _ in range(2):
        judge(guard, [record])
    assert sorted((source, remark.field) for source, remark in noted) == [
        ("shop", "pages"),
        ("shop", "rating"),
    ]
