"""The offline store: nothing is lost, nothing counts twice, and nobody sees what came later."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.bookml.books import shop, tell, tell_gone

from bookcore.domain.book import Book, Money
from bookcore.domain.errors import Invalid, NotFound
from bookcore.event_log import EventLog
from bookcore.events.message import Batch
from bookcore.events.topics import STATE
from bookcore.lake import Lake
from bookml import snapshot
from bookml.history import catch_up, history, keep
from bookml.point_in_time import Entity, known_at

A_MINUTE = 60_000_000


def priced(book: Book, price: str) -> Book:
    return replace(book, price=Money(Decimal(price), "GBP"))


def availability(lake: Lake) -> list[int]:
    with history(lake) as duck:
        return [row[0] for row in duck.sql("SELECT available_at FROM history ORDER BY 1").fetchall()]


def test_all_states_are_kept_once_however_often_they_are_asked_for(log: EventLog, lake: Lake) -> None:
    tell(log, shop(30, signal=True))
    assert (catch_up(log, lake), catch_up(log, lake)) == (30, 0)
    for partition in range(STATE.partitions):  # as after a crash between keeping and committing
        records = log.read(STATE.name, partition, 0, 100)
        keep(lake, Batch(STATE.name, partition, records[:2]))
        keep(lake, Batch(STATE.name, partition, records))
    with history(lake) as duck:
        assert duck.sql("SELECT count(*) FROM history").fetchall() == [(30,)]


def test_a_correction_that_came_later_does_not_change_what_was_known_before(
    log: EventLog, lake: Lake
) -> None:
    book = shop(1, signal=True)[0]
    tell(log, [priced(book, "10.00")], minute=0)
    tell(log, [priced(book, "20.00")], minute=10)
    catch_up(log, lake)
    known = availability(lake)
    tell(log, [priced(book, "99.00")], minute=5)  # of minute 5, but told only now: behind what is known
    tell(log, [priced(book, "21.00")], minute=10)  # a correction of minute 10
    catch_up(log, lake)
    late = availability(lake)
    with history(lake) as duck:
        moments = [known[0] - 1, known[0], known[1], late[2], late[3]]
        found = known_at(duck, [Entity(book.id, moment) for moment in moments])
    assert [row[2] for row in found] == [None, Decimal("10"), Decimal("20"), Decimal("20"), Decimal("21")]


def test_a_snapshot_of_a_moment_is_the_same_after_corrections(log: EventLog, lake: Lake) -> None:
    books = shop(20, signal=True)
    tell(log, books)
    catch_up(log, lake)
    moment = availability(lake)[-1]
    before = snapshot.take(lake, "shop", moment=moment)
    tell(log, [priced(book, "1.00") for book in books], minute=1)
    catch_up(log, lake)
    assert snapshot.take(lake, "shop", moment=moment) == before
    assert snapshot.take(lake, "shop").id != before.id


def test_the_same_books_make_the_same_snapshot_byte_for_byte(
    tmp_path: Path, log: EventLog, lake: Lake
) -> None:
    tell(log, shop(50, signal=True))
    catch_up(log, lake)
    assert snapshot.take(lake, "shop") == snapshot.take(lake, "shop")


def test_a_snapshot_holds_living_books_with_a_price_in_the_usual_currency(log: EventLog, lake: Lake) -> None:
    books = shop(6, signal=True)
    free = priced(books[1], "0.00")
    foreign = replace(books[2], price=Money(Decimal("5"), "EUR"))
    tell(log, [books[0], free, foreign, *books[3:]])
    tell(log, shop(3, signal=True, source="other"))
    tell_gone(log, books[3], minute=1)
    catch_up(log, lake)
    manifest = snapshot.take(lake, "shop")
    rows = snapshot.examples(lake, manifest)
    assert [row.id for row in rows] == [books[0].id, books[4].id, books[5].id]
    assert rows[0].price == books[0].price.amount
    assert rows[0].facts.details == books[0].details
    assert (manifest.currency, manifest.rows) == ("GBP", 3)


def test_a_source_without_books_and_a_snapshot_that_is_gone_are_not_found(log: EventLog, lake: Lake) -> None:
    with pytest.raises(NotFound, match="import or crawl"):
        snapshot.take(lake, "nowhere")
    for name in ("0" * 64, "../../secret", ""):
        with pytest.raises(NotFound):
            snapshot.manifest_of(lake, name)


def test_a_part_that_was_altered_is_refused(tmp_path: Path, log: EventLog, lake: Lake) -> None:
    tell(log, shop(5, signal=True))
    catch_up(log, lake)
    manifest = snapshot.take(lake, "shop")
    path = tmp_path / "lake" / manifest.parts[0].key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Invalid, match="isn't what it was"):
        snapshot.examples(lake, manifest)
