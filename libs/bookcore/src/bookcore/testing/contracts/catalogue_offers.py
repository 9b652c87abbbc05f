"""Behaviour of every catalogue with offers, books without a price, and withdrawals."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bookcore.catalogue import BookFilter, Catalogue, Sort, history, queries, statistics
from bookcore.domain.book import Money, from_version
from bookcore.events.book import BookChanged, BookState, PricedBookState
from bookcore.testing.builders import make_book
from bookcore.testing.contracts.catalogue import (
    drain_outbox,
    get,
    ingest,
    list_ids,
    observe,
    withdraw,
)
from bookcore.testing.listings import make_listed_book


class CatalogueOffersContract:
    """A subclass provides `catalogue`, open and empty."""

    @pytest.mark.parametrize("price", ["9.99", None])
    def test_offers_and_details_are_stored_as_they_were_written(
        self, catalogue: Catalogue, price: str | None
    ) -> None:
        book = make_listed_book(price=price)
        ingest(catalogue, [observe(book, version=5)])
        assert get(catalogue, book.id).book == book

    def test_a_state_tells_by_its_version_whether_the_book_has_a_price(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_listed_book(), version=1)])
        _, priced = drain_outbox(catalogue)
        assert isinstance(priced, PricedBookState)
        assert priced.to_book().book == make_listed_book()
        ingest(catalogue, [observe(make_listed_book(price=None), version=2)], first=1)
        changed, state = drain_outbox(catalogue)
        assert isinstance(changed, BookChanged)
        assert [change.field for change in changed.changes] == ["price", "offers"]
        assert type(state) is BookState
        assert state.to_book().book == make_listed_book(price=None)

    def test_the_first_offers_of_a_book_are_a_change(self, catalogue: Catalogue) -> None:
        ingest(catalogue, [observe(make_book(), version=1)])
        drain_outbox(catalogue)
        offered = replace(make_book(), offers=make_listed_book().offers)
        ingest(catalogue, [observe(offered, version=2)], first=1)
        changed, _ = drain_outbox(catalogue)
        assert isinstance(changed, BookChanged)
        assert [(each.field, each.before) for each in changed.changes] == [("offers", None)]

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_books_without_a_price_are_sorted_last_in_both_directions(
        self, catalogue: Catalogue, limit: int
    ) -> None:
        mixed_books(catalogue)
        upward = list_ids(catalogue, BookFilter(), sort=Sort.PRICE, limit=limit)
        downward = list_ids(catalogue, BookFilter(), sort=Sort.PRICE_DESC, limit=limit)
        assert upward == ["shop:a", "shop:c", "shop:b", "shop:d"]
        assert downward == ["shop:c", "shop:a", "shop:d", "shop:b"]

    @pytest.mark.parametrize("sort", list(Sort))
    def test_a_page_can_begin_after_any_book(self, catalogue: Catalogue, sort: Sort) -> None:
        mixed_books(catalogue)
        whole = list_ids(catalogue, BookFilter(), sort=sort, limit=100)
        with catalogue.begin_read() as connection:
            for place, book_id in enumerate(whole):
                after = queries.get_page_key(connection, book_id, sort=sort)
                books, _ = queries.list_books(connection, BookFilter(), sort=sort, after=after, limit=9)
                assert [stored.book.id for stored in books] == whole[place + 1 :]

    def test_a_bound_on_prices_or_a_currency_leaves_books_without_a_price_out(
        self, catalogue: Catalogue
    ) -> None:
        mixed_books(catalogue)
        for wanted in (BookFilter(min_price=ZERO), BookFilter(max_price=MOST), BookFilter(currency=("GBP",))):
            assert list_ids(catalogue, wanted) == ["shop:a", "shop:c"]
            assert list_ids(catalogue, wanted, sort=Sort.PRICE) == ["shop:a", "shop:c"]

    def test_statistics_count_books_without_a_price_apart(self, catalogue: Catalogue) -> None:
        mixed_books(catalogue)
        with catalogue.begin_read() as connection:
            (priced,) = statistics.compute_statistics(connection, BookFilter(), by_category=False)
            (unpriced,) = statistics.count_unpriced(connection, BookFilter())
            assert queries.list_currencies(connection, BookFilter()) == ["GBP"]
        assert (priced.books, str(priced.min_price), str(priced.max_price)) == (2, "5.00", "9.00")
        assert (unpriced.category, unpriced.books, unpriced.in_stock) == ("Poetry", 2, 0)

    def test_statistics_are_exact_in_currencies_of_three_decimals(self, catalogue: Catalogue) -> None:
        dinars = Money(Decimal("1.234"), "BHD")
        ingest(catalogue, [observe(replace(make_book(), price=dinars), version=1)])
        with catalogue.begin_read() as connection:
            (overall,) = statistics.compute_statistics(connection, BookFilter(), by_category=False)
        assert (overall.min_price, overall.mean_price) == (dinars.amount, dinars.amount)

    def test_the_history_keeps_the_offers_of_every_observation(self, catalogue: Catalogue) -> None:
        first, second = make_listed_book(), make_listed_book(price="8.00")
        ingest(catalogue, [observe(second, version=9, event_id="b")])
        ingest(catalogue, [observe(first, version=3, event_id="a")], first=1)
        with catalogue.begin_read() as connection:
            seen = history.get_offer_history(connection, first.id)
        assert seen == [(from_version(3), first.offers), (from_version(9), second.offers)]

    def test_a_withdrawal_is_told_in_the_history_and_an_observation_restores_the_book(
        self, catalogue: Catalogue
    ) -> None:
        book = make_book()
        ingest(catalogue, [observe(book, version=1)])
        gone = replace(withdraw(book, version=2), reason="the page answers 404")
        ingest(catalogue, [gone], first=1)
        assert get(catalogue, book.id).deleted
        ingest(catalogue, [observe(book, version=3)], first=2)
        assert not get(catalogue, book.id).deleted
        with catalogue.begin_read() as connection:
            withdrawn = history.get_withdrawals(connection, book.id)
        assert [(each.at, each.reason) for each in withdrawn] == [(from_version(2), "the page answers 404")]

    @pytest.mark.parametrize("is_withdrawn_first", [True, False])
    def test_a_withdrawal_counts_in_any_order_of_arrival(
        self, catalogue: Catalogue, *, is_withdrawn_first: bool
    ) -> None:
        book = make_book()
        story = [observe(book, version=3), withdraw(book, version=5)]
        for first, seen in enumerate(reversed(story) if is_withdrawn_first else story):
            ingest(catalogue, [seen], first=first)
        assert (get(catalogue, book.id).deleted, get(catalogue, book.id).version) == (True, 5)
        ingest(catalogue, [observe(book, version=6)], first=2)
        assert not get(catalogue, book.id).deleted

    def test_a_withdrawal_that_is_older_than_the_book_changes_only_the_history(
        self, catalogue: Catalogue
    ) -> None:
        book = make_book()
        ingest(catalogue, [observe(book, version=5)])
        ingest(catalogue, [withdraw(book, version=2)], first=1)
        assert not get(catalogue, book.id).deleted


ZERO, MOST = Decimal(0), Decimal(1_000)


def mixed_books(catalogue: Catalogue) -> None:
    """a and c at 5.00 and 9.00, b and d without a price."""
    prices = {"a": "5.00", "b": None, "c": "9.00", "d": None}
    ingest(catalogue, [observe(make_listed_book(name, price=p), version=1) for name, p in prices.items()])
