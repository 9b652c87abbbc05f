"""Behaviour of every catalogue: the feed of changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Event, Thread

import pytest

from bookcore.catalogue import Catalogue, change_feed, queries, read_next_messages
from bookcore.catalogue.beside_the_lake import copy_rows
from bookcore.catalogue.change_feed import ChangeEntry, ChangeFilter, EntryKind
from bookcore.catalogue.rebuild import begin_rebuild
from bookcore.domain.book import Availability, AvailabilityStatus, Money
from bookcore.events.book import BookChanged
from bookcore.events.topics import CHANGED
from bookcore.testing.builders import EPOCH, make_book
from bookcore.testing.contracts.catalogue import ingest, observe, withdraw

ALL = ChangeFilter()
KINDS = [
    "new",
    "price_drop",
    "price_rise",
    "out_of_stock",
    "back_in_stock",
    "changed",
    "gone",
    "returned",
]
"""Of the entries of live_through."""


def live_through(catalogue: Catalogue) -> list[BookChanged]:
    """A book is new, changes price, stock and title, goes and comes back; the events of it."""
    book = make_book("u1", price="20.00")
    gone = Availability(AvailabilityStatus.OUT_OF_STOCK, 0)
    dearer = replace(book, price=Money(Decimal("19.00"), "GBP"))
    steps = [
        book,
        replace(book, price=Money(Decimal("18.00"), "GBP")),
        replace(dearer, availability=gone),
        dearer,
        replace(book, price=Money(Decimal("25.00"), "EUR"), title="Another title"),
        None,
        book,
    ]
    for number, step in enumerate(steps):
        seen = withdraw(book, version=number) if step is None else observe(step, version=number)
        ingest(catalogue, [seen], first=number)
    with catalogue.begin_read() as connection:
        messages = [
            each.message for each in read_next_messages(connection, 100) if each.topic == CHANGED.name
        ]
    return [BookChanged.model_validate_json(message.value or b"") for message in messages]


def record(catalogue: Catalogue, events: Sequence[BookChanged], *, minute: int = 0, end: int = 1) -> None:
    """Record events as read from the topic in that minute."""
    now = EPOCH + timedelta(minutes=minute)
    with catalogue.begin_write() as connection:
        change_feed.record_changes(connection, events, now=now, partition=0, end=end)


def read(
    catalogue: Catalogue, wanted: ChangeFilter = ALL, *, after: int = 0, limit: int = 100
) -> tuple[Sequence[ChangeEntry], int, bool]:
    """A page of the feed."""
    with catalogue.begin_read() as connection:
        return change_feed.list_changes(connection, wanted, after=after, limit=limit)


def find_place(catalogue: Catalogue, minute: int) -> int | None:
    """The place of a minute."""
    with catalogue.begin_read() as connection:
        return change_feed.find_place(connection, EPOCH + timedelta(minutes=minute))


class CatalogueChangesContract:
    """A subclass provides `catalogue` and its `url`."""

    @pytest.fixture
    def events(self, catalogue: Catalogue) -> list[BookChanged]:
        """Seven events, which are eight entries of the feed."""
        return live_through(catalogue)

    def test_the_feed_says_what_became_of_a_book(
        self, catalogue: Catalogue, events: list[BookChanged]
    ) -> None:
        record(catalogue, events)
        found, place, has_more = read(catalogue)
        assert [entry.kind.value for entry in found] == KINDS
        assert [entry.sequence for entry in found] == list(range(1, 9))
        assert (place, has_more) == (8, False)
        drop, other = found[1], found[5]
        assert (drop.before, drop.after) == (Money(Decimal("20.00"), "GBP"), Money(Decimal("18.00"), "GBP"))
        assert (drop.title, drop.source, drop.recorded_at) == (make_book("u1").title, "shop", EPOCH)
        assert (other.before, other.after) == (None, Money(Decimal("25.00"), "EUR"))

    def test_an_event_that_comes_again_is_recorded_once(
        self, catalogue: Catalogue, events: list[BookChanged]
    ) -> None:
        record(catalogue, events[:3], end=3)
        record(catalogue, [*events[1:], *events], minute=1, end=9)
        assert [entry.sequence for entry in read(catalogue)[0]] == list(range(1, 9))
        with catalogue.begin_read() as connection:
            assert queries.get_next_offset(connection, CHANGED.name, 0) == 9

    def test_pages_of_the_feed_leave_nothing_out_and_go_on_later(
        self, catalogue: Catalogue, events: list[BookChanged]
    ) -> None:
        record(catalogue, events[:4])
        first, place, has_more = read(catalogue, limit=2)
        second, end, ended = read(catalogue, after=place, limit=10)
        assert (len(first), has_more, ended) == (2, True, False)
        record(catalogue, events[4:], minute=1)
        third, _, _ = read(catalogue, after=end)
        assert [entry.sequence for entry in (*first, *second, *third)] == list(range(1, 9))

    def test_filters_of_the_feed_choose_and_a_page_without_matches_goes_on_at_the_end(
        self, catalogue: Catalogue, events: list[BookChanged]
    ) -> None:
        record(catalogue, events)
        category = make_book("u1").category or ""
        for wanted, sequences in (
            (ChangeFilter(kind=(EntryKind.PRICE_DROP, EntryKind.PRICE_RISE)), [2, 3]),
            (ChangeFilter(min_percent=Decimal(10)), [2]),
            (ChangeFilter(min_percent=Decimal("10.01")), []),
            (ChangeFilter(min_percent=Decimal("5.55")), [2, 3]),
            (ChangeFilter(min_percent=Decimal("5.56")), [2]),
            (ChangeFilter(source=("shop",), category=(category,), kind=(EntryKind.GONE,)), [7]),
            (ChangeFilter(source=("other",)), []),
            (ChangeFilter(currency=("EUR",), kind=(EntryKind.CHANGED,)), [6]),
            (ChangeFilter(book_id="shop:u2"), []),
        ):
            found, place, _ = read(catalogue, wanted)
            assert ([entry.sequence for entry in found], place) == (sequences, 8), wanted

    def test_a_time_gives_a_place_while_its_changes_are_kept(
        self, catalogue: Catalogue, events: list[BookChanged]
    ) -> None:
        record(catalogue, events[:2], minute=1)
        record(catalogue, events[2:], minute=5)
        assert [find_place(catalogue, minute) for minute in (0, 1, 2, 6)] == [0, 0, 2, 8]
        cut = EPOCH + timedelta(minutes=5)
        with catalogue.begin_write() as connection:
            deleted = [change_feed.prune_changes(connection, before=cut, limit=n) for n in (1, 9, 9)]
            assert (deleted, change_feed.read_state(connection).pruned) == ([1, 1, 0], 2)
        assert [find_place(catalogue, minute) for minute in (0, 4, 5, 6)] == [None, None, 2, 8]

    def test_writers_of_the_feed_take_turns_so_that_no_number_comes_late(
        self, catalogue: Catalogue, events: list[BookChanged]
    ) -> None:
        started = Event()

        def write_second() -> None:
            started.set()
            now = EPOCH + timedelta(minutes=1)
            with catalogue.begin_write() as other:
                change_feed.record_changes(other, events[4:], now=now, partition=1, end=3)

        second = Thread(target=write_second)
        with catalogue.begin_write() as connection:
            change_feed.record_changes(connection, events[:4], now=EPOCH, partition=0, end=4)
            second.start()
            started.wait(5)
            second.join(0.2)
            assert read(catalogue)[1] == 0
        second.join(10)
        found, place, _ = read(catalogue)
        assert ([entry.sequence for entry in found], place) == (list(range(1, 9)), 8)
        assert [entry.recorded_at for entry in found] == sorted(entry.recorded_at for entry in found)

    def test_a_rebuilt_catalogue_goes_on_with_the_feed(
        self, catalogue: Catalogue, url: str, events: list[BookChanged]
    ) -> None:
        record(catalogue, events[:4], end=4)
        rebuild = begin_rebuild(url)
        with rebuild.catalogue.begin_write() as rebuilt, catalogue.begin_read() as live:
            copy_rows(live, rebuilt)
            epochs = {change_feed.read_state(connection).epoch for connection in (live, rebuilt)}
        record(rebuild.catalogue, events[4:], end=9)
        found, place, _ = read(rebuild.catalogue)
        assert (len(epochs), [entry.sequence for entry in found], place) == (1, list(range(1, 9)), 8)
        rebuild.close()
