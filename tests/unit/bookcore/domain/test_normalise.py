from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, Rating
from bookcore.domain.normalise import (
    Origin,
    PrintedBook,
    PrintedDetails,
    Rejected,
    hash_printed,
    normalise,
    print_book,
)
from bookcore.testing.builders import make_book

ORIGIN = Origin("shop", "u1", "https://shop.example/u1")
PRINTED = PrintedBook(
    title="The Lamp",
    category="Poetry",
    rating="Three",
    price="£51.77",
    availability="In stock (22 available)",
    upc="u1",
    price_excl_tax="£51.77",
    tax="£0.00",
    reviews="0",
    product_type="Books",
)


def test_a_page_in_order_becomes_a_book() -> None:
    book = normalise(ORIGIN, PRINTED)
    assert isinstance(book, Book)
    assert (book.price, book.rating) == (Money(Decimal("51.77"), "GBP"), 3)
    assert book.availability == Availability(AvailabilityStatus.IN_STOCK, 22)
    assert book.attributes == {
        "price_excl_tax": "51.77",
        "tax": "0.00",
        "reviews": 0,
        "product_type": "Books",
    }


@pytest.mark.parametrize(
    ("printed", "complaint"),
    [
        ({"price": None}, "price is missing"),
        ({"price": "£-1"}, "price is negative: '£-1'"),
        ({"price": "NaN"}, "price is not an amount with a currency: 'NaN'"),
        ({"price": "£NaN"}, "price is not an amount with a currency: '£NaN'"),
        ({"price": "£Infinity"}, "price is not an amount with a currency: '£Infinity'"),
        ({"price": "51.77"}, "price is not an amount with a currency: '51.77'"),
        ({"price": "£5\u0661"}, None),
        ({"price": "£5.123"}, "price has more decimals than GBP has: '£5.123'"),
        ({"reviews": "\u0663"}, None),
        ({"price": "Â£51.77"}, "price is not an amount with a currency: 'Â£51.77'"),
        ({"price": "£1,000.00"}, "price is not an amount with a currency: '£1,000.00'"),
        ({"title": None}, "title is missing"),
        (
            {"title": "caf\ufffd"},
            "title holds bytes that are not of the page's declared charset: 'caf\ufffd'",
        ),
        ({"title": "x" * 1_001}, None),
        (
            {"availability": "In stock" + " " * 1_000_000 + "!"},
            "availability is not a known state: 'In stock !'",
        ),
        ({"availability": "a" * 101}, None),
        ({"rating": "Six"}, "rating is not one to five stars: 'Six'"),
        ({"availability": "Perhaps"}, "availability is not a known state: 'Perhaps'"),
        ({"tax": "€1.00"}, "tax is not in GBP like the price: '€1.00'"),
        ({"reviews": "-3"}, "reviews is not a whole number: '-3'"),
    ],
)
def test_an_invalid_value_is_rejected_with_field_and_reason(
    printed: dict[str, str | None], complaint: str | None
) -> None:
    rejected = normalise(ORIGIN, replace(PRINTED, **printed))  # type: ignore[arg-type]  # plain fields
    assert isinstance(rejected, Rejected)
    assert rejected.field == next(iter(printed))
    assert complaint is None or str(rejected) == complaint


@pytest.mark.parametrize("source_id", [None, "", "a/b", "ü", "x" * 129])
def test_a_book_without_a_usable_id_is_rejected(source_id: str | None) -> None:
    rejected = normalise(replace(ORIGIN, source_id=source_id), PRINTED)
    assert isinstance(rejected, Rejected)
    assert rejected.field == "source_id"


@pytest.mark.parametrize("text", ["Out of stock", "out_of_stock", "Preorder"])
def test_other_states_of_stock_are_known(text: str) -> None:
    book = normalise(ORIGIN, replace(PRINTED, availability=text))
    assert isinstance(book, Book)
    assert book.availability.quantity is None


books = st.builds(
    replace,
    st.just(make_book()),
    title=st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffd"), min_size=1, max_size=50),
    price=st.builds(
        Money,
        st.decimals(0, 999_999, places=2, allow_nan=False),
        st.sampled_from(["GBP", "EUR", "USD", "RSD"]),
    ),
    rating=st.none() | st.integers(1, 5).map(Rating),
    availability=st.builds(
        Availability, st.sampled_from(AvailabilityStatus), st.none() | st.integers(0, 999_999)
    ),
    description=st.none()
    | st.text(min_size=1, max_size=50).map(lambda t: t.replace("\x00", "")).filter(bool),
    attributes=st.just({"reviews": 3}),
)


@given(book=books)
def test_printing_a_book_and_reading_the_print_gives_the_book(book: Book) -> None:
    assert normalise(Origin(book.source, book.source_id, book.url), print_book(book)) == book


def test_the_hash_moves_with_every_printed_field_and_only_then() -> None:
    base = hash_printed(ORIGIN, PRINTED)
    assert hash_printed(ORIGIN, replace(PRINTED)) == base
    assert (
        len(
            {
                hash_printed(ORIGIN, replace(PRINTED, title="other")),
                hash_printed(ORIGIN, replace(PRINTED, price="other")),
                hash_printed(ORIGIN, replace(PRINTED, tax="other")),
                hash_printed(ORIGIN, replace(PRINTED, details=PrintedDetails(pages="7"))),
                base,
            }
        )
        == 5
    )
