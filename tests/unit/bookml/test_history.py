"""The offline store: nothing is lost, nothing counts twice, and nobody sees what came later."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.bookml.books import make_books, publish_books, publish_tombstone

from bookcore.domain.book import Book, Money
from bookcore.domain.errors import Invalid, NotFound
from bookcore.event_log import EventLog
from bookcore.events.message import Batch
from bookcore.events.topics import STATE
from bookcore.lake import Lake
from bookcore.testing.builders import get_price
from bookml import snapshot
from bookml.history import open_history, store_batch, update_history
from bookml.point_in_time import PointInTime, read_known_at

A_MINUTE = 60_000_000


def set_price(book: Book, price: str) -> Book:
    return replace(book, price=Money(Decimal(price), "GBP"))


def read_availability(lake: Lake) -> list[int]:
    with open_history(lake) as duck:
        return [row[0] for row in duck.sql("SELECT available_at FROM history ORDER BY 1").fetchall()]


def test_every_state_is_stored_once_on_repeated_updates(log: EventLog, lake: Lake) -> None:
    publish_books(log, make_books(30, signal=True))
    assert (update_history(log, lake), update_history(log, lake)) == (30, 0)
    for partition in range(STATE.partitions):  # as after a crash between keeping and committing
        records = log.read(STATE.name, partition, 0, 100)
        store_batch(lake, Batch(STATE.name, partition, records[:2]))
        store_batch(lake, Batch(STATE.name, partition, records))
    with open_history(lake) as duck:
        assert duck.sql("SELECT count(*) FROM history").fetchall() == [(30,)]


def test_only_books_with_a_price_are_in_a_snapshot_and_the_others_are_counted(
    log: EventLog, lake: Lake
) -> None:
    books = make_books(5, signal=True)
    publish_books(log, [*books[:3], *(replace(book, price=None) for book in books[3:])])
    update_history(log, lake)
    manifest = snapshot.create_snapshot(lake, books[0].source)
    assert (manifest.rows, manifest.unpriced) == (3, 2)
    assert snapshot.read_manifest(lake, manifest.id) == manifest


def test_late_correction_does_not_change_earlier_states(log: EventLog, lake: Lake) -> None:
    book = make_books(1, signal=True)[0]
    publish_books(log, [set_price(book, "10.00")], minute=0)
    publish_books(log, [set_price(book, "20.00")], minute=10)
    update_history(log, lake)
    known = read_availability(lake)
    publish_books(
        log, [set_price(book, "99.00")], minute=5
    )  # of minute 5, but told only now: behind what is known
    publish_books(log, [set_price(book, "21.00")], minute=10)  # a correction of minute 10
    update_history(log, lake)
    late = read_availability(lake)
    with open_history(lake) as duck:
        moments = [known[0] - 1, known[0], known[1], late[2], late[3]]
        found = read_known_at(duck, [PointInTime(book.id, moment) for moment in moments])
    assert [row[2] for row in found] == [None, Decimal("10"), Decimal("20"), Decimal("20"), Decimal("21")]


def test_snapshot_of_a_moment_is_unchanged_by_corrections(log: EventLog, lake: Lake) -> None:
    books = make_books(20, signal=True)
    publish_books(log, books)
    update_history(log, lake)
    moment = read_availability(lake)[-1]
    before = snapshot.create_snapshot(lake, "shop", moment=moment)
    publish_books(log, [set_price(book, "1.00") for book in books], minute=1)
    update_history(log, lake)
    assert snapshot.create_snapshot(lake, "shop", moment=moment) == before
    assert snapshot.create_snapshot(lake, "shop").id != before.id


def test_same_books_give_the_same_snapshot_byte_for_byte(tmp_path: Path, log: EventLog, lake: Lake) -> None:
    publish_books(log, make_books(50, signal=True))
    update_history(log, lake)
    assert snapshot.create_snapshot(lake, "shop") == snapshot.create_snapshot(lake, "shop")


def test_snapshot_has_existing_books_with_a_price_in_the_main_currency(log: EventLog, lake: Lake) -> None:
    books = make_books(6, signal=True)
    free = set_price(books[1], "0.00")
    foreign = replace(books[2], price=Money(Decimal("5"), "EUR"))
    publish_books(log, [books[0], free, foreign, *books[3:]])
    publish_books(log, make_books(3, signal=True, source="other"))
    publish_tombstone(log, books[3], minute=1)
    update_history(log, lake)
    manifest = snapshot.create_snapshot(lake, "shop")
    rows = snapshot.read_rows(lake, manifest)
    assert [row.id for row in rows] == [books[0].id, books[4].id, books[5].id]
    assert rows[0].price == get_price(books[0]).amount
    assert rows[0].facts.details == books[0].details
    assert (manifest.currency, manifest.rows) == ("GBP", 3)


def test_source_without_books_and_missing_snapshot_are_not_found(log: EventLog, lake: Lake) -> None:
    with pytest.raises(NotFound, match="import or crawl"):
        snapshot.create_snapshot(lake, "nowhere")
    for name in ("0" * 64, "../../secret", ""):
        with pytest.raises(NotFound):
            snapshot.read_manifest(lake, name)


def test_altered_part_is_rejected(tmp_path: Path, log: EventLog, lake: Lake) -> None:
    publish_books(log, make_books(5, signal=True))
    update_history(log, lake)
    manifest = snapshot.create_snapshot(lake, "shop")
    path = tmp_path / "lake" / manifest.parts[0].key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Invalid, match="was altered"):
        snapshot.read_rows(lake, manifest)
