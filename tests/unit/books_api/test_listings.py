"""Books with offers and books without a price, as a client sees and writes them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient
from tests.unit.books_api.test_books_api import as_role, ingesting

from bookcore.catalogue import IngestBatch, Observation, open_catalogue
from bookcore.domain.book import Book
from bookcore.kit.auth import Role
from bookcore.testing.builders import make_book
from bookcore.testing.listings import make_listed_book
from books_api.app import create_app
from books_api.settings import Settings

__all__ = ["ingesting"]

PRICED, UNPRICED, PLAIN, GONE = (
    make_listed_book("a"),
    make_listed_book("b", price=None),
    make_book("c"),
    make_book("d"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, books_api_write_wait=10.0)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    catalogue = open_catalogue(settings.catalogue_url)
    seen = [Observation(book.id, book, 1, "e") for book in (PRICED, UNPRICED, PLAIN, GONE)]
    seen.append(Observation(GONE.id, None, 2, "w", reason="the page answers 404"))
    catalogue.apply_batch(IngestBatch("elsewhere", 0, 0, 5, "lake/0", seen))
    catalogue.close()
    with TestClient(create_app(settings), headers=as_role(settings, Role.ADMIN)) as client:
        yield client


def read(client: TestClient, book: Book) -> dict[str, object]:
    found: dict[str, object] = client.get(f"/books/{book.id}").json()
    return found


def test_a_book_without_a_price_is_shown_with_its_offers_and_details(client: TestClient) -> None:
    shown = {item["id"]: item for item in client.get("/books").json()["items"]}
    assert shown[UNPRICED.id]["price"] is None
    assert [(o["price"], o["unpriced"]) for o in shown[UNPRICED.id]["offers"]] == [
        (None, "on_request"),
        ({"amount": "30.00", "currency": "GBP"}, None),
    ]
    assert shown[UNPRICED.id]["details"]["series"] == [{"name": "Harbour Nights", "number": "2"}]
    assert shown[PLAIN.id]["offers"] == []
    assert "remarks" not in shown[UNPRICED.id]


def test_books_without_a_price_come_last_in_both_orders_of_price(client: TestClient) -> None:
    for sort in ("price", "-price"):
        items = client.get("/books", params={"sort": sort}).json()["items"]
        assert items[-1]["id"] == UNPRICED.id
    bounded = client.get("/books", params={"min_price": "0"}).json()["items"]
    assert UNPRICED.id not in [item["id"] for item in bounded]


def test_statistics_count_books_without_a_price_apart(client: TestClient) -> None:
    found = client.get("/statistics").json()
    assert [(each["currency"], each["books"]) for each in found["overall"]] == [("GBP", 2)]
    assert found["without_price"] == [{"category": "Poetry", "books": 1, "in_stock": 0}]


def test_the_history_of_a_book_that_is_gone_tells_when_and_why(client: TestClient) -> None:
    assert client.get(f"/books/{GONE.id}").status_code == 404
    history = client.get(f"/books/{GONE.id}/history").json()
    assert history["withdrawn"] == [{"at": "1970-01-01T00:00:00.000002Z", "reason": "the page answers 404"}]
    assert len(history["items"]) == 1
    assert client.get("/books/shop:never/history").status_code == 404


def test_exports_have_books_without_a_price_and_offers(client: TestClient) -> None:
    lines = {line["id"]: line for line in map(orjson.loads, client.get("/books/export").content.splitlines())}
    assert (lines[UNPRICED.id]["price"], len(lines[UNPRICED.id]["offers"])) == (None, 2)
    table = client.get("/books/export", params={"format": "csv"}).text
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(table))}
    assert (rows[UNPRICED.id]["price"], rows[UNPRICED.id]["currency"]) == ("", "")
    assert (rows[UNPRICED.id]["subtitle"], rows[PLAIN.id]["offers"]) == ("A Story of Light", "")
    assert orjson.loads(rows[PRICED.id]["offers"])[0]["price"] == {"amount": "9.99", "currency": "GBP"}


@pytest.mark.usefixtures("ingesting")
@pytest.mark.parametrize("book", [PRICED, UNPRICED], ids=["priced", "unpriced"])
def test_a_patch_keeps_offers_and_details_that_it_does_not_name(client: TestClient, book: Book) -> None:
    before = read(client, book)
    answer = client.patch(f"/books/{book.id}", json={"rating": 5})
    assert answer.status_code == 200, answer.text
    changed = {name for name, value in answer.json().items() if before[name] != value}
    assert changed == {"rating", "version", "last_seen_at"}
    assert answer.json()["rating"] == 5


@pytest.mark.usefixtures("ingesting")
def test_a_price_that_an_editor_gives_is_the_price(client: TestClient) -> None:
    for book in (PRICED, UNPRICED):
        price = {"amount": "4.50", "currency": "GBP"}
        answer = client.patch(f"/books/{book.id}", json={"price": price})
        assert (answer.status_code, answer.json()["price"]) == (200, price)


@pytest.mark.usefixtures("ingesting")
def test_changed_authors_are_the_contributors_with_that_part(client: TestClient) -> None:
    answer = client.patch(f"/books/{PRICED.id}", json={"details": {"authors": ["Rebecca West"]}})
    details = answer.json()["details"]
    assert details["authors"] == ["Rebecca West"]
    assert [(each["name"], each["role"]) for each in details["contributors"]] == [
        ("Rebecca West", "author"),
        ("Milena Sekulić", "translator"),
    ]


@pytest.mark.parametrize("field", ["url", "image_url"])
def test_an_address_that_browsers_run_is_refused_by_name(client: TestClient, field: str) -> None:
    for book in (PLAIN, PRICED):
        answer = client.patch(f"/books/{book.id}", json={field: "javascript:alert(1)"})
        assert answer.status_code == 422
        assert answer.json()["field"] in (field, "covers")


def test_a_price_is_not_taken_away_by_a_patch(client: TestClient) -> None:
    assert client.patch(f"/books/{PRICED.id}", json={"price": None}).status_code == 422
