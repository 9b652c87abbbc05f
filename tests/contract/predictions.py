"""What a table of predictions has to do, on every database."""

import math
from collections.abc import Iterator

import pytest

from bookml.facts import BookFacts
from bookml.online import StoredFacts
from ml_api.predictions.store import SHADOW, SHADOW_SUFFIX, PredictionRow, PredictionStore

MADE = 1_795_651_200_000_000
MODEL = "price-good-gbp"
SQUARE = math.log(21 / 11) ** 2
"""Squared log error of who says 20 for 10, or 10 for 20."""


def make_row(number: int, **other: object) -> PredictionRow:
    return {
        **{"id": f"{number:032x}", "book_id": f"good:b{number}", "source": "good", "currency": "GBP"},
        **{"kind": "model", "model": MODEL, "version": 1, "digest": "d" * 64, "features": "price/1"},
        **{"snapshot": "5" * 64, "variant": "champion", "subject": f"{number:016x}", "price": "10.00"},
        **{"low": "8.00", "high": "12.50", "coverage": 0.9, "made_at": MADE + number, "milliseconds": 0.25},
        **other,
    }


def make_pair(number: int, *, tried: bool, price: str = "20.00") -> list[PredictionRow]:
    """The champion (1) says 10, the challenger (2) `price`; one of them is told, the other its shadow."""
    shadow = {"id": f"{number:032x}{SHADOW_SUFFIX}", "variant": SHADOW}
    challenger: PredictionRow = {"version": 2, "price": price, "low": "15.00", "high": "25.00"}
    if tried:
        return [make_row(number, **challenger, variant="challenger"), make_row(number, **shadow)]
    return [make_row(number), make_row(number, **challenger, **shadow)]


def make_price(number: int, amount: str, *, later: int = 1_000_000, currency: str = "GBP") -> StoredFacts:
    return StoredFacts(f"good:b{number}", MADE + later, amount, currency, BookFacts(title="a"))


class PredictionsContract:
    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, url: str) -> Iterator[PredictionStore]:
        store = PredictionStore(url)
        yield store
        store.close()

    def test_repeated_row_is_stored_once(self, store: PredictionStore) -> None:
        store.add([make_row(1), make_row(2)])
        store.add([make_row(2), make_row(3)])
        assert sum(arm.predictions for arm in store.read_arms(MODEL)) == 3

    def test_pair_counts_once_both_prices_are_observed(self, store: PredictionStore) -> None:
        store.add([*make_pair(1, tried=True), *make_pair(2, tried=False), *make_pair(3, tried=False)])
        assert store.read_pairs(MODEL, (1, 2), since=0).worse.count == 0
        assert store.observe([make_price(1, "20.00"), make_price(2, "10.00")]) == 4
        pairs = store.read_pairs(MODEL, (1, 2), since=0)
        assert (pairs.worse.count, pairs.inside.count, pairs.inside.total) == (2, 2, 1)
        assert pairs.worse.total == pytest.approx(0.0, abs=1e-6)
        assert pairs.worse.squares == pytest.approx(2 * SQUARE**2, rel=1e-4)

    def test_sign_of_the_difference_does_not_depend_on_the_returned_model(
        self, store: PredictionStore
    ) -> None:
        store.add([*make_pair(1, tried=True), *make_pair(2, tried=False)])
        store.observe([make_price(1, "10.00"), make_price(2, "10.00")])
        assert store.read_pairs(MODEL, (1, 2), since=0).worse.total == pytest.approx(2 * SQUARE, rel=1e-4)
        assert store.read_pairs(MODEL, (2, 1), since=0).worse.total == pytest.approx(-2 * SQUARE, rel=1e-4)

    def test_earlier_pairs_and_other_versions_do_not_count(self, store: PredictionStore) -> None:
        store.add([*make_pair(1, tried=True), *make_pair(5, tried=True)])
        store.observe([make_price(1, "10.00"), make_price(5, "10.00")])
        assert store.read_pairs(MODEL, (1, 2), since=MADE + 5).worse.count == 1
        assert store.read_pairs(MODEL, (1, 3), since=0).worse.count == 0
        assert store.read_pairs("price-other-gbp", (1, 2), since=0).worse.count == 0

    def test_earlier_price_or_other_currency_completes_no_row(self, store: PredictionStore) -> None:
        store.add([make_row(1), make_row(2)])
        assert store.observe([make_price(1, "10.00", later=0), make_price(2, "10.00", currency="EUR")]) == 0

    def test_latencies_are_those_of_the_challenger(self, store: PredictionStore) -> None:
        told = [make_row(n, version=2, variant="challenger", milliseconds=float(n)) for n in range(1, 5)]
        store.add([*told, make_row(9, version=2, variant=SHADOW), make_row(10, version=1)])
        assert store.read_latencies(MODEL, 2, since=MADE + 2) == [4.0, 3.0, 2.0]
