from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bookcore.domain.book import Money, Rating
from bookcore.events.book import BookState
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.search import open_search_index
from bookcore.testing.builders import make_versioned_book
from search_api.app import create_app
from search_api.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """Five books: u0 to u4, all of them lamps."""
    index = open_search_index(settings.search_url, writable=True)
    index.put([make_versioned_book(f"u{n}") for n in range(5)])
    index.close()
    reader = Identity("u", Role.READER, DEFAULT_SCOPES[Role.READER])
    token = InternalTokens(settings.internal_secret.get_secret_value()).sign(reader)
    with TestClient(create_app(settings), headers={HEADER: token}) as client:
        yield client


def test_search_returns_books_total_and_facets(client: TestClient) -> None:
    answer = client.get("/search", params={"q": "ciz", "limit": 2}).json()
    assert (answer["query"], answer["total"], len(answer["items"])) == ("ciz", 5, 2)
    assert answer["items"][0]["book"]["price"] == {"amount": "51.77", "currency": "GBP"}
    assert answer["facets"]["category"] == [{"value": "Poetry", "count": 5}]


def test_filters_are_repeatable(client: TestClient) -> None:
    params = {"category": ["Poetry", "Travel"], "availability": "in_stock", "max_price": "51.77"}
    assert client.get("/search", params=params).json()["total"] == 5


def test_suggestions_complete_the_text(client: TestClient) -> None:
    items = client.get("/search/suggest", params={"q": "lam", "limit": 2}).json()["items"]
    assert [item["kind"] for item in items] == ["title", "title"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"min_rating": 9}, "min_rating"),
        ({"max_price": "NaN"}, "max_price"),
        ({"limit": 201}, "limit"),
        ({"offset": -1}, "offset"),
        ({"availability": "maybe"}, "availability"),
        ({"colour": "red"}, "colour"),
        ({"category": ""}, "category"),
        ({"source": " "}, "source"),
        ({"sort": "cheapest"}, "sort"),
        ({"min_year": -1}, "min_year"),
        ({"min_year": 2001, "max_year": 2000}, "min_year"),
        ({"category": "x" * 201}, "category"),
        ({"category": ["x"] * 51}, "category"),
        ({"q": "x" * 10_001}, "q"),
    ],
)
def test_parameter_out_of_range_is_refused_by_name(
    client: TestClient, params: dict[str, str], field: str
) -> None:
    answer = client.get("/search", params=params)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_reversed_price_range_is_refused(client: TestClient) -> None:
    answer = client.get("/search", params={"min_price": 9, "max_price": 3})
    assert (answer.status_code, answer.json()["field"]) == (422, "min_price")


def put_dinars(settings: Settings) -> None:
    stored = make_versioned_book("dinars")
    book = replace(
        stored.book, price=Money(Decimal("900"), "RSD"), category="Sequential, Art", rating=Rating(5)
    )
    index = open_search_index(settings.search_url, writable=True)
    index.put([replace(stored, book=book)])
    index.close()


def test_prices_of_several_currencies_are_not_compared(client: TestClient, settings: Settings) -> None:
    put_dinars(settings)
    for asked in (
        *("max_price=70", "min_price=1", "max_price=70&currency=GBP,RSD", "q=lamp&max_price=70"),
        *("sort=price", "q=lamp&sort=-price"),
    ):
        answer = client.get(f"/search?{asked}")
        assert (answer.status_code, answer.json()["field"]) == (422, "currency")
        assert "GBP and RSD" in answer.json()["detail"]
    assert client.get("/search?max_price=1000&currency=RSD").json()["total"] == 1
    assert client.get("/search?max_price=70&rating=3").json()["total"] == 5
    assert client.get("/search").json()["facets"]["currency"] == [
        {"value": "GBP", "count": 5},
        {"value": "RSD", "count": 1},
    ]


def test_matches_are_sorted_by_price_in_one_currency(client: TestClient, settings: Settings) -> None:
    put_dinars(settings)
    answer = client.get("/search?sort=-price&currency=RSD").json()
    assert [item["book"]["id"] for item in answer["items"]] == ["shop:dinars"]


def test_a_misspelled_text_is_answered_with_what_was_meant_and_why(client: TestClient) -> None:
    answer = client.get("/search", params={"q": "lmap", "explain": True}).json()
    assert (answer["total"], answer["did_you_mean"], answer["ladder"]) == (5, "lamp", [])
    first = answer["items"][0]
    assert first["highlights"] == [{"field": "title", "start": 4, "end": 8}]
    assert first["explanation"]["edit"] == "spelling"
    assert first["explanation"]["words"][0]["found"] == "lamp"


def test_an_empty_result_has_a_ladder(client: TestClient) -> None:
    answer = client.get("/search", params={"q": "lamp zeppelin"}).json()
    assert (answer["items"], answer["total"]) == ([], 0)
    rung = {"kind": "dropped_words", "text": "lamp", "dropped": ["zeppelin"], "total": 5}
    assert rung in answer["ladder"]


def test_values_of_one_filter_are_alternatives(client: TestClient, settings: Settings) -> None:
    put_dinars(settings)
    for asked, total in (
        ("rating=5", 1),
        ("rating=3,5", 6),
        ("currency=RSD", 1),
        ("source=shop,other", 6),
        ("category=Sequential, Art", 1),
        ("category=Sequential, Art&category=Poetry", 6),
    ):
        assert client.get(f"/search?{asked}").json()["total"] == total
    refused = client.get("/search?category=Poetry,Travel")
    assert (refused.status_code, refused.json()["field"]) == (422, "category")


def test_pages_are_linked_by_cursor(client: TestClient) -> None:
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(
            "/search", params={"q": "lamp", "limit": 2, **({"cursor": cursor} if cursor else {})}
        )
        found += [item["book"]["id"] for item in page.json()["items"]]
        cursor = page.json()["next"]
    assert len(set(found)) == len(found) == 5
    first = client.get("/search?q=lamp&limit=2").json()["next"]
    for wrong in (f"q=lamp&cursor={first}x", f"q=other&cursor={first}"):
        assert client.get(f"/search?{wrong}").json()["type"] == "/problems/bad-cursor"
    assert client.get(f"/search?q=lamp&offset=1&cursor={first}").json()["field"] == "offset"


def test_no_route_ignores_an_unknown_parameter(client: TestClient) -> None:
    for path in ("/search?q=a&", "/search/suggest?q=a&", "/health/live?"):
        assert client.get(f"{path}colour=red").json()["field"] == "colour"


def test_page_beyond_the_limit_is_refused(client: TestClient) -> None:
    assert client.get("/search", params={"offset": 9_990}).json()["field"] == "offset"


def test_request_without_internal_token_is_refused(client: TestClient) -> None:
    assert client.get("/search", headers={HEADER: ""}).status_code == 401
    assert client.get("/health/ready", headers={HEADER: ""}).json()["status"] == "ok"


def test_book_has_the_documented_shape(client: TestClient) -> None:
    item = client.get("/search", params={"q": "u3"}).json()["items"][0]
    assert list(item) == ["book", "score", "highlights", "explanation"]
    assert (list(item["book"]), item["book"]["id"]) == (list(BookState.model_fields), "shop:u3")


def test_books_indexed_later_are_found_without_a_restart(client: TestClient, settings: Settings) -> None:
    assert client.get("/search", params={"q": "harbour"}).json()["total"] == 0
    index = open_search_index(settings.search_url, writable=True)
    index.put([make_versioned_book("later", title="Harbour")])
    index.close()
    assert client.get("/search", params={"q": "harbour"}).json()["total"] == 1


@pytest.mark.parametrize("typed", ["\x00", "a AND b:[", "%F0%9F", "*", "é" * 10_000])
def test_any_text_is_accepted(client: TestClient, typed: str) -> None:
    for path in ("/search", "/search/suggest"):
        assert client.get(path, params={"q": typed[:1_000]}).status_code == 200


def test_every_parameter_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    operations = {path: described[path]["get"] for path in ("/search", "/search/suggest")}
    assert [operation["operationId"] for operation in operations.values()] == ["search_books", "suggest"]
    bare = [p["name"] for o in operations.values() for p in o["parameters"] if "description" not in p]
    assert bare == []


def test_similar_books_are_listed_with_reasons(client: TestClient, settings: Settings) -> None:
    index = open_search_index(settings.search_url, writable=True)
    index.put([make_versioned_book("v1", title="A Harbour")])
    index.close()
    (like,) = client.get("/search/similar/shop:v1", params={"limit": 1}).json()["items"]
    assert {"kind": "category", "values": ["Poetry"]} in like["reasons"]
    refused = client.get("/search/similar/shop:none")
    assert (refused.status_code, refused.json()["detail"]) == (404, "there is no book shop:none")


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"q": "x" * 10_000}, 200),
        ({"q": "x" * 10_001}, 422),
        ({"q": "the of and"}, 200),
        ({"q": "?!... \U0001f4da"}, 200),
        ({"q": "\u202e\u200fabc\x00\x07"}, 200),
        ({"q": "(a+)+$ .* [1 TO 2]"}, 200),
        ({"q": 'title:(a AND {"query":{"match_all":{}}}'}, 200),
        ({"q": "<script>alert(1)</script>"}, 200),
        ({"q": "lamp", "offset": 9_999}, 422),
        ({"q": "lamp", "offset": 9_980, "limit": 20}, 200),
        ({"q": "lamp", "min_price": 9, "max_price": 8}, 422),
        ({"q": "lamp", "min_year": 2000, "max_year": 1999}, 422),
        ({"q": "lamp", "min_year": 0, "max_year": 0}, 200),
        ({"q": "lamp", "currency": "XXX"}, 200),
        ({"q": "lamp", "currency": "ZZ9"}, 422),
        ({"q": "lamp", "rating": 1, "min_rating": 5}, 200),
        ({"q": "lamp", "source": "\ud7ff\x00"}, 200),
    ],
)
def test_bad_input_is_a_clear_problem_or_an_honest_empty_page(
    client: TestClient, parameters: dict[str, str | int], status: int
) -> None:
    answer = client.get("/search", params=parameters)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["total"] in (0, 5)
    else:
        assert answer.json()["type"]
