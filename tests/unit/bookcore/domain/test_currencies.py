from decimal import Decimal

import pytest
from iso4217 import Currency

from bookcore.catalogue.tables import ExactAmount
from bookcore.domain.book import Book, Money
from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.normalise import Origin, PrintedBook, Rejected, normalise
from bookcore.testing.builders import get_price


def test_the_table_holds_every_active_currency_with_its_decimals() -> None:
    published = {each.code: each.exponent for each in Currency if each.exponent is not None}
    assert published == MINOR_DIGITS


@pytest.mark.parametrize(
    ("amount", "currency", "plain"),
    [
        ("1.234", "BHD", "1.234"),
        ("5", "KWD", "5.000"),
        ("1990", "CLP", "1990"),
        ("1990.00", "CLP", "1990"),
        ("19.9", "CLP", "19.9"),
        ("1.2345", "CLF", "1.2345"),
        ("51.7", "GBP", "51.70"),
        ("9.9", "HRK", "9.90"),
    ],
)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(amount: str, currency: str, plain: str) -> None:
    assert Money(Decimal(amount), currency).plain == plain


@pytest.mark.parametrize("text", ["1.234 BHD", "0.0001 UYW", "999999999.9999 CLF", "1990.00 CLP", "3.5 TND"])
def test_every_number_of_decimals_is_stored_exactly(text: str) -> None:
    book = normalise(Origin("shop", "u1", "https://shop.example/u1"), PrintedBook(title="T", price=text))
    assert isinstance(book, Book)
    stored = ExactAmount().process_bind_param(get_price(book).amount, None)
    assert stored == Decimal(text.split()[0]) * 10_000


@pytest.mark.parametrize("text", ["1.2345 BHD", "19.90 CLP", "1.5 JPY", "5.123 GBP"])
def test_more_decimals_than_the_currency_has_are_refused(text: str) -> None:
    refusal = normalise(Origin("shop", "u1", "https://shop.example/u1"), PrintedBook(title="T", price=text))
    assert isinstance(refusal, Rejected)
    assert "more decimals than" in refusal.reason
