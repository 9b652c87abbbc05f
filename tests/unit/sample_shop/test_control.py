"""The keeper's door."""

import json
from collections.abc import Callable, Mapping
from typing import Any  # JSON as it comes off the wire

import httpx
import pytest

from sample_shop.app import ShopApp, create_app
from sample_shop.shop import Shop


def truth(client: httpx.Client) -> Mapping[str, Any]:
    return {book["upc"]: book for book in map(json.loads, client.get("/_shop/truth").content.splitlines())}


def test_change_affects_exactly_the_requested_number_of_books(client: httpx.Client) -> None:
    before = truth(client)
    changes = client.post("/_shop/change?books=37").json()
    after = truth(client)
    assert {upc for upc in before if before[upc] != after[upc]} == {change["upc"] for change in changes}
    assert len({change["upc"] for change in changes}) == 37


def test_change_record_equals_the_truth_before_and_after(client: httpx.Client) -> None:
    before = truth(client)
    changes = client.post("/_shop/change?books=60").json()
    after = truth(client)
    assert {change["field"] for change in changes} == {"price_incl_tax", "stock"}
    for change in changes:
        upc, key = change["upc"], change["field"]
        assert (change["before"], change["after"]) == (before[upc][key], after[upc][key])
        assert change["url"] == before[upc]["url"]


@pytest.mark.parametrize("books", ["0", "61", "many"])
def test_change_of_an_impossible_number_of_books_is_refused(books: str, client: httpx.Client) -> None:
    response = client.post(f"/_shop/change?books={books}")
    assert response.status_code == 400
    assert response.json()["error"]


def test_truth_has_every_field(client: httpx.Client) -> None:
    book = next(iter(truth(client).values()))
    assert list(book) == [
        "upc", "url", "title", "category", "rating", "price_excl_tax", "price_incl_tax", "tax", "stock",
        "num_reviews", "product_type", "description",
    ]  # fmt: skip


def test_fault_can_be_activated_and_cleared(client: httpx.Client) -> None:
    active = client.post("/_shop/faults", json={"kind": "500", "share": 1, "path_prefix": "/index"})
    assert active.json()[0]["kind"] == "500"
    assert [client.get(path).status_code for path in ("/index.html", "/")] == [500, 200]
    assert client.delete("/_shop/faults").status_code == 204
    assert client.get("/index.html").status_code == 200
    assert client.get("/_shop/faults").json() == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"kind": "500"}',
        '{"kind": "flood", "share": 1}',
        '{"kind": "500", "share": 7}',
        '{"kind": "500", "share": [1]}',
        '{"kind": "500", "share": 1, "sahre": 1}',
    ],
)
def test_invalid_fault_is_refused_with_a_reason(body: str, client: httpx.Client) -> None:
    response = client.post("/_shop/faults", content=body)
    assert response.status_code == 400
    assert response.json()["error"]


def test_requests_are_counted_by_status_kind_and_fault(visit: Callable[[ShopApp], httpx.Client]) -> None:
    client = visit(create_app(Shop()))
    client.get("/")
    client.get("/nowhere")
    client.post("/_shop/faults", json={"kind": "429", "share": 1, "count": 1})
    client.get("/catalogue/page-2.html")
    assert client.get("/_shop/requests").json() == {
        "by_status": {"200": 1, "404": 1, "429": 1},
        "by_kind": {"home": 1, "unknown": 1, "catalogue": 1},
        "by_fault": {"429": 1},
    }
