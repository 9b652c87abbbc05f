"""The price of a book: what a consumer pays with tax for one new copy now, in the source's market."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bookcore.domain.money import Money
from bookcore.domain.offer import Condition, Offer, PriceType
from bookcore.domain.price_rule import Market, choose_offer

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BRITAIN = Market("GB", "GBP")


def make_offer(amount: str, currency: str = "GBP", **facts: Any) -> Offer:  # Any: fields of an offer
    return Offer(price=Money(Decimal(amount), currency), **facts)


def choose(offers: list[Offer], market: Market = BRITAIN) -> str | None:
    chosen = choose_offer(offers, market, NOW)
    return chosen.price.plain if chosen and chosen.price else None


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"price_type": PriceType.CONSUMER_WITH_TAX},
        {"condition": Condition.NEW},
        {"minimum_quantity": 1},
        {"territories": ("GB", "IE")},
        {"territories": ("WORLD",)},
        {"territories": ("WORLD",), "excluded_territories": ("US",)},
        {"valid_from": "2026-11-27"},
        {"valid_until": "2026-11-27"},
        {"valid_until": "9999-12-31"},
        {"valid_from": "2026-11-27T12:00:00+00:00"},
        {"valid_from": "2026-11-27T13:00:00+01:00"},
        {"price_qualifier": "promotion"},
        {"price_qualifier": "from"},
    ],
)
def test_an_offer_that_holds_gives_the_price(facts: dict[str, Any]) -> None:
    assert choose([make_offer("9.99", **facts)]) == "9.99"


@pytest.mark.parametrize(("territory", "price"), [("US", "9.99"), ("CA", "9.99"), ("GB", None), (None, None)])
def test_a_price_without_tax_holds_where_shops_state_it_so(territory: str | None, price: str | None) -> None:
    offer = make_offer("9.99", price_type=PriceType.CONSUMER_WITHOUT_TAX)
    assert choose([offer], Market(territory, "GBP")) == price


@pytest.mark.parametrize(
    "facts",
    [
        {"price_type": PriceType.CONSUMER_WITHOUT_TAX},
        {"price_type": PriceType.LIBRARY_WITH_TAX},
        {"price_type": PriceType.TRADE},
        {"price_type": PriceType.OTHER},
        {"condition": Condition.USED},
        {"condition": Condition.DAMAGED},
        {"minimum_quantity": 10},
        {"territories": ("US",)},
        {"territories": ("WORLD",), "excluded_territories": ("GB",)},
        {"valid_from": "2026-11-28"},
        {"valid_until": "2026-11-26"},
        {"valid_until": "2026-11-27T11:59:59+00:00"},
        {"valid_from": "2026-11-27T12:00:01+00:00"},
        {"price_qualifier": "member"},
    ],
)
def test_an_offer_that_does_not_hold_gives_no_price(facts: dict[str, Any]) -> None:
    assert choose([make_offer("9.99", **facts)]) is None


def test_an_offer_in_another_currency_gives_no_price() -> None:
    assert choose([make_offer("9.99", "USD")]) is None


@pytest.mark.parametrize(
    ("offers", "price"),
    [
        ([make_offer("8.00", valid_until="2026-01-01"), make_offer("9.99", valid_from="2026-01-02")], "9.99"),
        ([make_offer("7.00", price_type=PriceType.CONSUMER_WITHOUT_TAX), make_offer("8.40")], "8.40"),
        ([make_offer("8.00"), make_offer("9.99", territories=("GB",))], "9.99"),
        ([make_offer("5.00", price_qualifier="from"), make_offer("9.99")], "9.99"),
        (
            [make_offer("9.99"), make_offer("6.99", valid_from="2026-11-20")],
            "6.99",
        ),
        (
            [make_offer("9.99", valid_from="2020-01-01"), make_offer("12.99", valid_from="2026-06-01")],
            "12.99",
        ),
        ([make_offer("9.99"), make_offer("8.99")], "8.99"),
    ],
)
def test_among_several_the_most_particular_offer_gives_the_price(offers: list[Offer], price: str) -> None:
    assert choose(offers) == choose(offers[::-1]) == price


def test_without_a_declared_market_only_offers_of_one_market_give_a_price() -> None:
    nowhere = Market()
    assert choose([make_offer("9.99")], nowhere) == "9.99"
    assert choose([make_offer("9.99", territories=("GB",))], nowhere) == "9.99"
    assert choose([make_offer("9.99"), make_offer("11.99", "EUR")], nowhere) is None
    split = [make_offer("9.99", territories=("GB",)), make_offer("12.00", territories=("IE",))]
    assert choose(split, nowhere) is None


def test_no_offers_give_no_price() -> None:
    assert choose([]) is None
