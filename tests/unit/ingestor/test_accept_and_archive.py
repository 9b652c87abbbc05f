import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bookcore.events.codec import encode
from bookcore.events.message import Batch, Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import open_lake
from bookcore.lake.layout import unpack_records
from bookcore.testing.builders import EPOCH, make_book, make_observation, print_as
from ingestor.accept import validate_batch
from ingestor.archive import archive_batch


def batch_of(messages: Sequence[Message], *, first: int = 0) -> Batch:
    return Batch(
        OBSERVED.name,
        0,
        [
            Record(OBSERVED.name, 0, first + n, EPOCH, m.key, m.value, m.headers)
            for n, m in enumerate(messages)
        ],
    )


def observed(source_id: str, **printed: str | None) -> Message:
    book = make_book(source_id)
    return encode(make_observation(book, printed=print_as(book, **printed)), source="test")


def test_every_record_is_accepted_or_rejected_with_a_reason() -> None:
    good = observed("u1")
    batch = batch_of(
        [
            good,
            observed("u2", price=None),
            observed("u3", price="£-1"),
            replace(good, value=b"\xff no json"),
            replace(good, value=b'{"source": "shop"}'),
            replace(good, value=b"NaN"),
            replace(good, headers=()),
            replace(good, headers=(("ce_type", b"books.book.observed.v9"),)),
        ]
    )
    accepted = validate_batch(batch)
    assert [o.book_id for o in accepted.observations] == ["shop:u1"]
    assert [parked.record.offset for parked in accepted.rejected] == [1, 2, 3, 4, 5, 6, 7]
    reasons = [parked.reason for parked in accepted.rejected]
    assert reasons[:2] == ["price is missing", "price is negative: '£-1'"]
    assert "Invalid JSON" in reasons[2]
    assert "source_id: Field required" in reasons[3]
    assert "unknown event type or version 'books.book.observed.v9'" in reasons[6]


@pytest.mark.parametrize(
    "moment",
    [
        *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"),
        *("1969-12-31T23:59:59Z", "2999-01-01T00:00:00Z"),
    ],
)
def test_observation_with_an_impossible_time_is_rejected(moment: str) -> None:
    message = observed("u1")
    value = json.dumps({**json.loads(message.value or b""), "observed_at": moment}).encode()
    accepted = validate_batch(batch_of([replace(message, value=value)]))
    assert [parked.reason.split(":")[0] for parked in accepted.rejected] == ["observed_at"]


def test_retried_batch_uses_the_records_archived_by_the_first_try(tmp_path: Path) -> None:
    lake = open_lake(f"file://{tmp_path}")
    messages = [observed(f"u{n}") for n in range(5)]
    archive_batch(lake, batch_of(messages[:3], first=7))
    again = archive_batch(lake, batch_of(messages, first=7))
    assert (again.batch.first, again.batch.next) == (7, 10)
    assert [r.key for r in unpack_records(lake.get(again.key))] == ["shop:u0", "shop:u1", "shop:u2"]


def test_archive_preserves_bytes(tmp_path: Path) -> None:
    lake = open_lake(f"file://{tmp_path}")
    odd = batch_of([Message("k", b"\xff\x00", (("h", b"\xfe"),)), Message("gone", None), Message("", b"")])
    assert unpack_records(lake.get(archive_batch(lake, odd).key)) == list(odd.records)
