"""Behaviour of every catalogue."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bookcore.catalogue import (
    BookFilter,
    Catalogue,
    IngestBatch,
    Observation,
    Sort,
    count_messages,
    delete_sent,
    history,
    open_catalogue,
    queries,
    read_next_messages,
    statistics,
)
from bookcore.catalogue.write import apply_batch
from bookcore.domain.book import AvailabilityStatus, Book, BookId, Money, VersionedBook
from bookcore.domain.details import Details
from bookcore.domain.errors import Conflict
from bookcore.events.book import BookChanged, BookGone, BookState, ChangeKind, Event, Price, PricedBookState
from bookcore.events.codec import decode
from bookcore.events.message import Record
from bookcore.events.topics import OBSERVED
from bookcore.testing.builders import EPOCH, get_price, make_book


def observe(book: Book, *, version: int, event_id: str = "e") -> Observation:
    """An accepted observation."""
    return Observation(book.id, book, version, event_id)


def withdraw(book: Book, *, version: int) -> Observation:
    """An accepted withdrawal."""
    return Observation(book.id, None, version, "w")


class CatalogueContract:
    """A subclass provides `url` for an empty catalogue."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty catalogue."""
        raise NotImplementedError

    @pytest.fixture
    def other_url(self) -> str:
        """Where there is another empty one."""
        raise NotImplementedError

    @pytest.fixture
    def catalogue(self, url: str) -> Iterator[Catalogue]:
        """The open catalogue."""
        catalogue = open_catalogue(url)
        yield catalogue
        catalogue.close()

    def test_a_stored_book_equals_the_written_book(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(), version=5)])
        stored = get(catalogue, make_book().id)
        assert (stored.book, stored.version) == (make_book(), 5)

    def test_details_are_stored_and_their_change_is_published(self, catalogue: Catalogue) -> None:
        told = Details(authors=("Ana Huang", "Číž"), pages=288, weight_g=350)
        ingest(catalogue, [observe(make_book(), version=1)])
        drain_outbox(catalogue)
        ingest(catalogue, [observe(replace(make_book(), details=told), version=2)], first=1)
        assert get(catalogue, make_book().id).book.details == told
        changed, state = drain_outbox(catalogue)
        assert isinstance(changed, BookChanged)
        assert [change.field for change in changed.changes] == ["details"]
        assert isinstance(state, BookState)
        assert state.details == told

    def test_a_change_event_has_each_field_before_and_after(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(price="10.00"), version=1)])
        drain_outbox(catalogue)
        ingest(catalogue, [observe(make_book(price="12.50"), version=2)], first=1)
        changed, state = drain_outbox(catalogue)
        assert isinstance(changed, BookChanged)
        assert changed.kind is ChangeKind.UPDATED
        price = next(change for change in changed.changes if change.field == "price")
        assert price.before == {"amount": "10.00", "currency": "GBP"}
        assert price.after == {"amount": "12.50", "currency": "GBP"}
        assert isinstance(state, BookState)
        assert (state.version, state.price) == (2, Price(amount="12.50", currency="GBP"))

    def test_an_unchanged_book_makes_no_change_event(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(), version=1)])
        drain_outbox(catalogue)
        ingest(catalogue, [observe(make_book(), version=2)], first=1)
        assert [type(event) for event in drain_outbox(catalogue)] == [PricedBookState]

    def test_an_older_observation_never_overwrites_a_newer_one(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(price="20.00"), version=9)])
        drain_outbox(catalogue)
        ingest(catalogue, [observe(make_book(price="10.00"), version=3)], first=1)
        assert get_price(get(catalogue, make_book().id).book).plain == "20.00"
        assert drain_outbox(catalogue) == []

    def test_a_tie_of_versions_is_broken_by_event_id(self, catalogue: Catalogue) -> None:
        for first, (price, event_id) in enumerate([("2.00", "b"), ("1.00", "a"), ("3.00", "c")]):
            ingest(catalogue, [observe(make_book(price=price), version=1, event_id=event_id)], first=first)
        assert get_price(get(catalogue, make_book().id).book).plain == "3.00"

    def test_a_batch_done_twice_is_refused_the_second_time(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(), version=1)])
        with pytest.raises(Conflict, match="offset 0"):
            ingest(catalogue, [observe(make_book(), version=1)])
        with pytest.raises(Conflict, match="offset 7"):
            ingest(catalogue, [observe(make_book(), version=1)], first=7)

    def test_duplicates_within_a_batch_count_once(self, catalogue: Catalogue) -> None:
        ingest(
            catalogue,
            [
                observe(make_book(), version=1),
                observe(make_book(), version=1),
                observe(make_book(), version=1),
            ],
        )
        assert len([e for e in drain_outbox(catalogue) if isinstance(e, BookChanged)]) == 1
        with catalogue.begin_read() as connection:
            assert len(history.get_price_history(connection, make_book().id)) == 1

    def test_any_order_of_the_same_observations_ends_in_the_same_catalogue(
        self, catalogue: Catalogue, other_url: str
    ) -> None:
        story = [
            observe(make_book(f"u{n % 3}", price=f"{n}.00"), version=n, event_id=f"e{n}")
            for n in range(1, 30)
        ]
        ingest(catalogue, story)
        shuffled = random.Random(7).sample(story, len(story))
        other = open_catalogue(other_url)
        for first, observation in enumerate(shuffled):
            ingest(other, [observation], first=first)
        assert other.compute_content_hash() == catalogue.compute_content_hash()
        other.close()

    def test_a_withdrawn_book_is_deleted_until_it_is_observed_again(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(), version=1)])
        drain_outbox(catalogue)
        ingest(catalogue, [withdraw(make_book(), version=2)], first=1)
        assert [type(event) for event in drain_outbox(catalogue)] == [BookChanged, BookGone]
        assert get(catalogue, make_book().id).deleted
        assert list_ids(catalogue, BookFilter()) == []
        ingest(catalogue, [observe(make_book(), version=3)], first=2)
        assert list_ids(catalogue, BookFilter()) == ["shop:u1"]

    @pytest.mark.parametrize(
        ("wanted", "ids"),
        [
            (BookFilter(category=("Poetry",)), ["shop:u1", "shop:u2", "shop:u3"]),
            (BookFilter(category=("Travel",)), []),
            (BookFilter(category=("Travel", "Poetry")), ["shop:u1", "shop:u2", "shop:u3"]),
            (BookFilter(source=("shop",), min_price=Decimal("20")), ["shop:u2", "shop:u3"]),
            (BookFilter(source=("other", "shop")), ["shop:u1", "shop:u2", "shop:u3"]),
            (BookFilter(currency=("RSD",)), []),
            (BookFilter(currency=("RSD", "GBP")), ["shop:u1", "shop:u2", "shop:u3"]),
            (BookFilter(rating=(3, 5)), ["shop:u1", "shop:u2", "shop:u3"]),
            (BookFilter(rating=(4, 5)), []),
            (BookFilter(isbn13=("9780141439518",)), []),
            (BookFilter(max_price=Decimal("20.00")), ["shop:u1", "shop:u2"]),
            (BookFilter(min_rating=4), []),
            (BookFilter(availability=(AvailabilityStatus.IN_STOCK,)), ["shop:u1", "shop:u2", "shop:u3"]),
            (BookFilter(availability=tuple(AvailabilityStatus)), ["shop:u1", "shop:u2", "shop:u3"]),
        ],
    )
    def test_filters_narrow(self, catalogue: Catalogue, wanted: BookFilter, ids: list[str]) -> None:
        three_books(catalogue)
        assert list_ids(catalogue, wanted) == ids

    def test_a_book_is_found_by_its_isbn(self, catalogue: Catalogue) -> None:
        novel = replace(make_book("u2"), identifiers={"isbn13": "9780141439518"})
        ingest(catalogue, [observe(make_book(), version=1), observe(novel, version=1)])
        assert list_ids(catalogue, BookFilter(isbn13=("9780141439518",))) == ["shop:u2"]

    def test_currencies_are_those_of_the_books_that_match(self, catalogue: Catalogue) -> None:
        dinars = replace(make_book("u2"), price=Money(Decimal("900"), "RSD"), category="Travel")
        gone = replace(make_book("u3"), price=Money(Decimal("9"), "EUR"))
        ingest(catalogue, [observe(make_book(), version=1), observe(dinars, version=1)])
        ingest(catalogue, [observe(gone, version=1), withdraw(gone, version=2)], first=1)
        with catalogue.begin_read() as connection:
            assert queries.list_currencies(connection, BookFilter()) == ["GBP", "RSD"]
            assert queries.list_currencies(connection, BookFilter(category=("Travel",))) == ["RSD"]
            assert queries.has_category(connection, "Travel")
            assert not queries.has_category(connection, "Trave")

    @pytest.mark.parametrize("sort", list(Sort))
    def test_pages_of_any_order_show_every_book_once(self, catalogue: Catalogue, sort: Sort) -> None:
        books = [make_book(f"u{n:02d}", price=f"{n % 4}.50", title=f"Title {n % 5}") for n in range(23)]
        ingest(catalogue, [observe(book, version=n + 1) for n, book in enumerate(books)])
        paged = list_ids(catalogue, BookFilter(), sort=sort, limit=4)
        assert sorted(paged) == sorted(book.id for book in books)
        assert paged == list_ids(catalogue, BookFilter(), sort=sort, limit=100)

    def test_history_joins_equal_neighbours(self, catalogue: Catalogue) -> None:
        prices = ["1.00", "1.00", "2.00", "1.00"]
        ingest(catalogue, [observe(make_book(price=p), version=n) for n, p in enumerate(prices, 1)])
        with catalogue.begin_read() as connection:
            periods = history.get_price_history(connection, make_book().id)
        assert [period.price.plain for period in periods] == ["1.00", "2.00", "1.00"]

    def test_statistics_are_exact(self, catalogue: Catalogue) -> None:
        three_books(catalogue)
        with catalogue.begin_read() as connection:
            (overall,) = statistics.compute_statistics(connection, BookFilter(), by_category=False)
            (poetry,) = statistics.compute_statistics(connection, BookFilter(), by_category=True)
        assert (overall.books, overall.in_stock, overall.mean_price) == (3, 3, Decimal("20.00"))
        assert (poetry.category, poetry.min_price, poetry.max_price) == (
            "Poetry",
            Decimal("10.00"),
            Decimal("30.01"),
        )

    def test_the_outbox_is_read_and_deleted_in_order(self, catalogue: Catalogue) -> None:
        three_books(catalogue)
        with catalogue.begin_write() as connection:
            first, second = read_next_messages(connection, 2)
            delete_sent(connection, [first])
            assert read_next_messages(connection, 1)[0] == second
            assert count_messages(connection) == 5

    def test_a_failed_transaction_is_rolled_back(self, catalogue: Catalogue) -> None:
        with pytest.raises(Conflict):
            apply_twice_in_one_transaction(catalogue, [observe(make_book(), version=1)])
        assert list_ids(catalogue, BookFilter()) == []
        ingest(catalogue, [observe(make_book(), version=1)])
        assert list_ids(catalogue, BookFilter()) == ["shop:u1"]


def ingest(catalogue: Catalogue, observations: Sequence[Observation], *, first: int = 0) -> None:
    """Apply as one batch of partition 0, as long as one record however many observations it has."""
    catalogue.apply_batch(IngestBatch(OBSERVED.name, 0, first, first + 1, f"lake/{first}", observations))


def apply_twice_in_one_transaction(catalogue: Catalogue, observations: Sequence[Observation]) -> None:
    """The second time is refused, so the first must be undone too."""
    batch = IngestBatch(OBSERVED.name, 0, 0, 1, "lake/0", observations)
    with catalogue.begin_write() as connection:
        apply_batch(connection, batch)
        apply_batch(connection, batch)


def get(catalogue: Catalogue, book_id: BookId) -> VersionedBook:
    """The row, which must be there."""
    with catalogue.begin_read() as connection:
        stored = queries.get_book(connection, book_id)
    assert stored is not None
    return stored


def list_ids(catalogue: Catalogue, wanted: BookFilter, *, sort: Sort = Sort.ID, limit: int = 2) -> list[str]:
    """All ids, page by page."""
    ids: list[str] = []
    after = None
    while True:
        with catalogue.begin_read() as connection:
            books, after = queries.list_books(connection, wanted, sort=sort, after=after, limit=limit)
        ids += [stored.book.id for stored in books]
        if after is None:
            return ids


def three_books(catalogue: Catalogue) -> None:
    """u1 at 10.00, u2 at 20.00, u3 at 30.01."""
    prices = {"u1": "10.00", "u2": "20.00", "u3": "30.01"}
    ingest(catalogue, [observe(make_book(u, price=p), version=1) for u, p in prices.items()])


def drain_outbox(catalogue: Catalogue) -> list[Event]:
    """What the catalogue messages, in order; it owes nothing afterwards."""
    with catalogue.begin_write() as connection:
        messages = read_next_messages(connection, 1_000)
        delete_sent(connection, messages)
    return [
        decode(Record(o.topic, 0, 0, EPOCH, o.message.key, o.message.value, o.message.headers)).event
        for o in messages
    ]
