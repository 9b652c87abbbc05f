"""The figures of a book's prices, as a client sees them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.books_api.test_books_api import as_role

from bookcore.catalogue import IngestBatch, Observation, open_catalogue
from bookcore.domain.book import Book, to_version
from bookcore.domain.money import Money
from bookcore.kit.auth import Role
from bookcore.testing.builders import make_book
from bookcore.testing.listings import make_listed_book
from books_api.app import create_app
from books_api.settings import Settings

REDUCED, GONE, UNPRICED = make_book("reduced"), make_book("gone"), make_listed_book("unpriced")


def observe(book: Book, days_ago: int, amount: str | None) -> Observation:
    """Seen so many days ago at that price in GBP."""
    price = None if amount is None else Money(Decimal(amount), "GBP")
    version = to_version(datetime.now(UTC) - timedelta(days=days_ago))
    return Observation(book.id, replace(book, price=price), version, f"e{days_ago}")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(data=tmp_path)
    seen = [observe(REDUCED, day, "20") for day in range(40, 2, -1)]
    seen += [observe(REDUCED, 2, "15"), observe(REDUCED, -3, "1"), observe(GONE, 4, "9")]
    seen.append(Observation(GONE.id, None, to_version(datetime.now(UTC)), "w", reason="404"))
    seen += [observe(UNPRICED, 4, "9"), observe(UNPRICED, 3, None), observe(UNPRICED, 2, "8")]
    seen.append(observe(UNPRICED, 1, None))
    catalogue = open_catalogue(settings.catalogue_url)
    catalogue.apply_batch(IngestBatch("elsewhere", 0, 0, len(seen), "lake/0", seen))
    catalogue.close()
    with TestClient(create_app(settings), headers=as_role(settings, Role.READER)) as client:
        yield client


def test_prices_have_figures_a_prior_price_and_their_coverage(client: TestClient) -> None:
    found = client.get(f"/books/{REDUCED.id}/prices?days=1").json()
    (pounds,) = found["items"]
    names = ("lowest", "highest", "current", "low")
    assert [pounds[name]["amount"] for name in names] == ["15.00", "20.00", "15.00", "15.00"]
    assert (pounds["mean"]["amount"], pounds["low_coverage"]["complete"]) == ("19.75", True)
    assert pounds["coverage"]["days_observed"] == pounds["coverage"]["days_asked"] == "40.00"
    prior = found["prior_price"]
    assert (prior["price"]["amount"], prior["percent"], prior["reason"]) == ("20.00", "25.0", None)
    assert (found["ignored_observations"], found["withdrawn"]) == (1, False)


def test_prices_of_a_withdrawn_book_have_no_current_one(client: TestClient) -> None:
    found = client.get(f"/books/{GONE.id}/prices").json()
    assert (found["withdrawn"], found["items"][0]["current"]) == (True, None)
    assert found["prior_price"]["reason"] == "no_price"


def test_days_on_which_a_book_had_no_price_are_not_covered(client: TestClient) -> None:
    (pounds,) = client.get(f"/books/{UNPRICED.id}/prices").json()["items"]
    assert (pounds["current"], pounds["coverage"]["days_observed"]) == (None, "2.00")
    assert pounds["coverage"]["days_asked"] == "4.00"


@pytest.mark.parametrize("days", ["0", "3651", "x"])
def test_days_out_of_range_are_refused(client: TestClient, days: str) -> None:
    answer = client.get(f"/books/{REDUCED.id}/prices", params={"days": days})
    assert (answer.status_code, answer.json()["field"]) == (422, "days")


def test_an_unknown_book_has_no_prices(client: TestClient) -> None:
    assert client.get("/books/shop:never/prices").status_code == 404


def test_the_chart_of_a_book_runs_and_loads_nothing(client: TestClient) -> None:
    answer = client.get(f"/books/{REDUCED.id}/prices.svg?days=60&width=400&height=200")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "low 15.00" in answer.text
    assert 'width="400" height="200"' in answer.text


def test_the_chart_of_a_currency_without_prices_is_empty(client: TestClient) -> None:
    assert "EUR · no price seen" in client.get(f"/books/{REDUCED.id}/prices.svg?currency=EUR").text


@pytest.mark.parametrize("wrong", [{"width": "9999"}, {"height": "1"}, {"days": "0"}, {"currency": "pounds"}])
def test_a_chart_out_of_bounds_is_refused_by_parameter(client: TestClient, wrong: dict[str, str]) -> None:
    answer = client.get(f"/books/{REDUCED.id}/prices.svg", params=wrong)
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(wrong)))
