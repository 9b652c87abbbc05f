"""Filters of the books API: repeated values, currencies, commas, unknown parameters."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bookcore.catalogue import IngestBatch, Observation, open_catalogue
from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, Rating
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.testing.builders import make_book
from books_api.app import create_app
from books_api.settings import Settings

BOOKS = [
    make_book("a", price="10.00"),
    replace(make_book("b", price="60.00"), category="Sequential, Art", rating=Rating(5)),
    replace(make_book("c"), price=Money(Decimal("900"), "RSD"), category="Travel", rating=Rating(1)),
    replace(
        make_book("d"),
        price=Money(Decimal("7"), "RSD"),
        availability=Availability(AvailabilityStatus.PREORDER),
        identifiers={"isbn13": "9780141439518"},
    ),
]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A reader; two books in pounds and two in dinars."""
    settings = Settings(data=tmp_path)
    put(settings, BOOKS)
    reader = Identity("u", Role.READER, DEFAULT_SCOPES[Role.READER])
    token = InternalTokens(settings.internal_secret.get_secret_value()).sign(reader)
    with TestClient(create_app(settings), headers={HEADER: token}) as client:
        yield client


def put(settings: Settings, books: list[Book]) -> None:
    catalogue = open_catalogue(settings.catalogue_url)
    seen = [Observation(book.id, book, n + 1, "e") for n, book in enumerate(books)]
    catalogue.apply_batch(IngestBatch("elsewhere", 0, 0, len(books), "lake/0", seen))
    catalogue.close()


def find(client: TestClient, query: str) -> str:
    """The letters of the books that match."""
    answer = client.get(f"/books?{query}")
    assert answer.status_code == 200, answer.text
    return "".join(item["source_id"] for item in answer.json()["items"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("category=Poetry&category=Travel", "acd"),
        ("category=Sequential, Art", "b"),
        ("category=Sequential, Art&category=Travel", "bc"),
        ("rating=5", "b"),
        ("rating=5&rating=1", "bc"),
        ("rating=5,1", "bc"),
        ("rating=5, 1,", "bc"),
        ("availability=in_stock&availability=preorder", "abcd"),
        ("availability=preorder", "d"),
        ("source=shop&source=other", "abcd"),
        ("source=other,shop", "abcd"),
        ("currency=GBP", "ab"),
        ("currency=GBP,RSD", "abcd"),
        ("currency=EUR", ""),
        ("isbn=9780141439518", "d"),
        ("isbn=978-0-14-143951-8", "d"),
        ("isbn=0141439513", "d"),
        ("ids=shop:b,shop:a", "ba"),
        ("currency=RSD&max_price=70", "d"),
        ("currency=RSD&sort=price", "dc"),
        ("category=Travel&sort=price", "c"),
        ("rating=5&min_price=20", "b"),
    ],
)
def test_values_of_one_filter_are_alternatives(client: TestClient, query: str, found: str) -> None:
    assert find(client, query) == found


@pytest.mark.parametrize(
    "query", ["sort=price", "sort=-price", "max_price=70", "min_price=1", "currency=GBP,RSD&sort=price"]
)
@pytest.mark.parametrize("path", ["/books", "/statistics", "/books/export"])
def test_prices_of_several_currencies_are_not_compared(client: TestClient, path: str, query: str) -> None:
    if "sort" in query and path != "/books":
        return
    answer = client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, "currency")
    assert "GBP and RSD" in answer.json()["detail"]


def test_cursor_of_a_list_by_price_continues_within_the_currency(client: TestClient) -> None:
    first = client.get("/books?currency=RSD&sort=price&limit=1")
    second = client.get(first.links["next"]["url"])
    assert [page.json()["items"][0]["source_id"] for page in (first, second)] == ["d", "c"]
    other = client.get("/books", params={"currency": "GBP", "sort": "price", "cursor": first.json()["next"]})
    assert other.json()["type"] == "/problems/bad-cursor"


def test_order_of_values_does_not_change_the_cursor(client: TestClient) -> None:
    cursor = client.get("/books?rating=5,1,3&limit=1").json()["next"]
    assert find(client, f"rating=1&rating=3&rating=5&limit=1&cursor={cursor}") == "b"


def test_unknown_category_that_looks_like_several_is_refused(client: TestClient) -> None:
    for path in ("/books", "/statistics", "/books/export"):
        answer = client.get(path, params={"category": "Poetry,Travel"})
        assert answer.status_code == 422
        assert "category=Poetry&category=Travel" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("q=light", "q", "/v1/search?q="),
        ("modified_since=2026-01-01", "modified_since", "sort=-first_seen_at"),
        ("categroy=Poetry", "categroy", "did you mean category?"),
        ("isbn=123", "isbn", "must be an ISBN of 10 or 13 digits"),
        ("currency=gbp", "currency", "three capital letters"),
        ("rating=6", "rating", "at most 5"),
        ("rating=5,x", "rating", "whole number"),
        ("rating=", "rating", "give a value"),
        ("category=", "category", "give a value"),
        ("source=,", "source", "give a value"),
        ("fields=title,colour", "fields", "must be one of"),
        ("sort=title&sort=price", "sort", "give it once"),
        ("limit=2&limit=3", "limit", "give it once"),
    ],
)
def test_unknown_or_invalid_parameter_is_refused_with_a_way_out(
    client: TestClient, query: str, field: str, words: str
) -> None:
    answer = client.get(f"/books?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/categories", "/statistics", "/books/shop:a", "/books/shop:a/history", "/books/export"]
)
def test_no_route_ignores_an_unknown_parameter(client: TestClient, path: str) -> None:
    assert client.get(path, params={"colour": "red"}).json()["field"] == "colour"


def test_fields_may_be_separated_by_commas(client: TestClient) -> None:
    for path in ("/books/shop:a", "/books"):
        answer = client.get(f"{path}?fields=title,price").json()
        assert list(answer.get("items", [answer])[0]) == ["id", "title", "price"]
