"""The shop as a function of seed and moment."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_shop.shop import MOST_BOOKS, Moment, Shop

MOMENTS = st.builds(Moment, st.integers(0, 5000), st.integers(0, 5000))


def test_same_seed_gives_the_same_shop() -> None:
    moment = Moment(77, 5)
    one, other = Shop(books=60, seed=4), Shop(books=60, seed=4)
    assert [one.get_book(n, moment) for n in range(1, 61)] == [
        other.get_book(n, moment) for n in range(1, 61)
    ]


def test_another_seed_gives_another_shop() -> None:
    assert Shop(seed=1).edition(1) != Shop(seed=2).edition(1)


@pytest.mark.parametrize("books", [0, -3, MOST_BOOKS + 1])
def test_invalid_number_of_books_is_refused(books: int) -> None:
    with pytest.raises(ValueError, match="1 to 100000"):
        Shop(books=books)


def test_upcs_are_unique_in_the_largest_shop() -> None:
    shop = Shop(books=MOST_BOOKS)
    upcs = {shop.edition(number).upc for number in range(1, MOST_BOOKS + 1, 7)}
    assert len(upcs) == len(range(1, MOST_BOOKS + 1, 7))


def test_small_shop_has_two_books_of_one_title() -> None:
    shop = Shop()
    titles = Counter(shop.edition(number).title for number in range(1, 61))
    assert titles.most_common(1)[0][1] >= 2


def test_small_shop_has_books_without_description_and_books_out_of_stock() -> None:
    shop = Shop()
    numbers = range(1, 61)
    assert any(shop.get_description(number) is None for number in numbers)
    assert any(shop.get_book(number, Moment()).stock == 0 for number in numbers)


@given(number=st.integers(1, 60), moment=MOMENTS)
def test_prices_and_stock_stay_plausible(number: int, moment: Moment) -> None:
    book = Shop().get_book(number, moment)
    assert 800 <= book.pence <= 7000
    assert 0 <= book.stock <= 31
    assert book.pence_with_tax == book.pence + book.tax


@given(moment=MOMENTS, turns=st.integers(1, 60))
def test_each_turn_changes_its_book_and_no_other(moment: Moment, turns: int) -> None:
    shop = Shop()
    later = Moment(moment.by_clock + turns, moment.on_request)
    moved = [n for n in range(1, 61) if shop.get_book(n, moment) != shop.get_book(n, later)]
    assert len(moved) == turns


def test_every_category_has_a_book_and_the_shelves_hold_each_book_once() -> None:
    shelves = Shop(books=500).shelves
    held = [number for category in shelves.categories for number in shelves.list_books(category)]
    assert sorted(held) == list(range(1, 501))
    assert all(len(shelves.list_books(category)) for category in shelves.categories)


def test_shop_of_one_book_has_one_category() -> None:
    assert len(Shop(books=1).shelves.categories) == 1
