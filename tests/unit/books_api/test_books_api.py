import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient
from tests.promises import carries

from bookcore.catalogue import BookFilter, Catalogue, IngestBatch, Observation, open_catalogue
from bookcore.catalogue.export import export_csv, export_jsonl
from bookcore.event_log import open_event_log
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.book import BookState
from bookcore.events.topics import OBSERVED
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.lake import open_lake
from bookcore.testing.builders import make_book
from books_api.app import create_app
from books_api.schemas import BookField
from books_api.settings import Settings
from ingestor.catalogue import GROUP, CatalogueSink, create_catalogue_consumer

NEW = {
    "source": "own_shop",
    "source_id": "n1",
    "url": "https://own.example/n1",
    "title": "Žuta knjiga",
    "price": {"amount": "9.90", "currency": "EUR"},
    "availability": {"status": "in_stock", "quantity": 3},
    "rating": 4,
    "attributes": {"tax": "0.10", "reviews": 2},
}

Blocks = Callable[[Catalogue, BookFilter], Iterator[bytes]]
IDS = [f"shop:u{n:02d}" for n in range(25)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, books_api_write_wait=10.0)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """Asks as an administrator unless told otherwise; 25 books are there, u00 to u24."""
    catalogue = open_catalogue(settings.catalogue_url)
    books = [make_book(f"u{n:02d}", price=f"{10 + n}.00", title=f"Book {n % 7}") for n in range(25)]
    seen = [Observation(book.id, book, n + 1, "e") for n, book in enumerate(books)]
    catalogue.apply_batch(IngestBatch("elsewhere", 0, 0, 25, "lake/0", seen))
    catalogue.close()
    with TestClient(create_app(settings), headers=as_role(settings, Role.ADMIN)) as client:
        yield client


@pytest.fixture
def ingesting(settings: Settings) -> Iterator[None]:
    """A catalogue consumer at work."""
    log, lake = open_event_log(settings.event_log_url), open_lake(settings.lake_url)
    catalogue = open_catalogue(settings.catalogue_url)
    sink = CatalogueSink(lake, catalogue, DeadLetterQueue(log))
    stop = Event()
    loop = ConsumerLoop(create_catalogue_consumer(log, catalogue), sink.handle, limit=100, name=GROUP)
    worker = Thread(target=loop.run, args=(stop,))
    worker.start()
    yield
    stop.set()
    worker.join()
    for store in (log, lake, catalogue):
        store.close()


def as_role(settings: Settings, role: Role) -> dict[str, str]:
    tokens = InternalTokens(settings.internal_secret.get_secret_value())
    return {HEADER: tokens.sign(Identity("u", role, DEFAULT_SCOPES[role]))}


def test_request_without_internal_token_is_refused(client: TestClient) -> None:
    answer = client.get("/books", headers={HEADER: "forged"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_health_endpoints_need_no_token(client: TestClient) -> None:
    assert client.get("/health/live", headers={HEADER: ""}).status_code == 200
    assert client.get("/health/ready", headers={HEADER: ""}).json() == {"status": "ok", "detail": None}


def test_pages_are_linked_by_cursor_and_link_header(client: TestClient) -> None:
    first = client.get("/books", params={"limit": 10, "sort": "-price"})
    second = client.get("/books", params={"limit": 10, "sort": "-price", "cursor": first.json()["next"]})
    third = client.get(second.links["next"]["url"])
    prices = [item["price"]["amount"] for page in (first, second, third) for item in page.json()["items"]]
    assert prices == [f"{34 - n}.00" for n in range(25)]
    assert third.json()["next"] is None


@pytest.mark.parametrize("forge", [lambda c: c[:-2] + "AA", lambda c: "x" + c, lambda _: "", lambda _: "ü"])
def test_modified_cursor_is_refused(client: TestClient, forge: object) -> None:
    assert callable(forge)
    cursor = client.get("/books", params={"limit": 2}).json()["next"]
    answer = client.get("/books", params={"limit": 2, "cursor": forge(cursor) or "x"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")


def test_cursor_of_other_filters_or_order_is_refused(client: TestClient) -> None:
    cursor = client.get("/books", params={"limit": 2}).json()["next"]
    for other in ({"sort": "title"}, {"category": "Poetry"}):
        assert client.get("/books", params={"cursor": cursor, **other}).status_code == 400


def test_pagination_continues_after_a_very_long_title(client: TestClient, settings: Settings) -> None:
    catalogue = open_catalogue(settings.catalogue_url)
    long = [make_book(f"v{n}", title="書" * 900 + str(n)) for n in range(3)]
    catalogue.apply_batch(
        IngestBatch("more", 0, 0, 1, "lake/1", [Observation(b.id, b, 99, "e") for b in long])
    )
    catalogue.close()
    titles, cursor = [], ""
    while cursor is not None:
        asked = {"sort": "-title", "limit": "1", **({"cursor": cursor} if cursor else {})}
        page = client.get("/books", params=asked).json()
        titles += [item["title"] for item in page["items"]]
        cursor = page["next"]
        assert len(cursor or "") < 1_000
    assert len(titles) == 28
    assert titles[:3] == [book.title for book in reversed(long)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"min_rating": 6}, "min_rating"),
        ({"min_price": "-1"}, "min_price"),
        ({"max_price": "NaN"}, "max_price"),
        ({"min_price": "9", "max_price": "3"}, "min_price"),
        ({"sort": "colour"}, "sort"),
        ({"limit": 0}, "limit"),
        ({"availability": "maybe"}, "availability"),
    ],
)
def test_filter_out_of_range_is_refused_by_field(
    client: TestClient, params: dict[str, str], field: str
) -> None:
    answer = client.get("/books", params=params)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_book_has_the_documented_shape(client: TestClient) -> None:
    answer = client.get("/books/shop:u07")
    book = answer.json()
    assert answer.headers["etag"] == '"8"'
    assert list(book) == list(BookState.model_fields)
    assert book["price"] == {"amount": "17.00", "currency": "GBP"}
    assert book["attributes"] == {
        "price_excl_tax": "17.00",
        "tax": "0.00",
        "reviews": 0,
        "product_type": "Books",
    }


def test_response_has_only_the_requested_fields(client: TestClient) -> None:
    page = client.get("/books", params={"fields": ["title", "price"], "limit": 2})
    assert [list(item) for item in page.json()["items"]] == [["id", "title", "price"]] * 2
    assert "fields=title&fields=price" in page.links["next"]["url"]
    assert client.get(page.links["next"]["url"]).json()["items"][0].keys() == {"id", "title", "price"}
    one = client.get("/books/shop:u07", params={"fields": "rating"})
    assert (one.json(), one.headers["etag"]) == ({"id": "shop:u07", "rating": 3}, '"8"')
    for path in ("/books", "/books/shop:u07"):
        assert client.get(path, params={"fields": "colour"}).status_code == 422


def test_every_field_of_a_book_can_be_requested() -> None:
    assert ["id", *BookField] == list(BookState.model_fields)


def test_books_by_ids_keep_the_requested_order(client: TestClient) -> None:
    ids = ["shop:u09", "shop:none", "shop:u02", "shop:u09"]
    page = client.get("/books", params={"ids": ids, "fields": "title"}).json()
    assert [item["id"] for item in page["items"]] == ["shop:u09", "shop:u02"]
    assert page["next"] is None
    wrong = client.get("/books", params={"ids": "shop:u09", "category": "Poetry"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "ids")
    assert client.get("/books", params={"ids": ["x"] * 201}).status_code == 422


def test_unknown_book_is_not_found(client: TestClient) -> None:
    for path in ("/books/shop:none", "/books/shop:none/history"):
        assert client.get(path).json()["type"] == "/problems/not-found"


def test_categories_and_statistics_count_everything(client: TestClient) -> None:
    assert client.get("/categories").json() == {
        "items": [{"category": "Poetry", "books": 25}],
        "next": None,
    }
    figures = client.get("/statistics", params={"max_price": "12.00"}).json()
    assert figures["overall"][0]["books"] == 3
    assert figures["by_category"][0]["mean_price"] == "11.00"
    assert figures["by_category"][0]["prices"]["mean"] == {"amount": "11.00", "currency": "GBP"}


def test_export_contains_every_book_in_both_formats(client: TestClient) -> None:
    lines = [json.loads(line) for line in client.get("/books/export").text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(client.get("/books/export?format=csv").text, newline="")))
    assert (
        [line["id"] for line in lines] == [row["id"] for row in rows] == [f"shop:u{n:02d}" for n in range(25)]
    )
    assert rows[3]["price"] == lines[3]["price"]["amount"] == "13.00"


def test_reader_cannot_write(client: TestClient, settings: Settings) -> None:
    answer = client.post("/books", json=NEW, headers=as_role(settings, Role.READER))
    assert answer.json()["type"] == "/problems/forbidden"


@pytest.mark.usefixtures("ingesting")
def test_book_is_created_updated_and_deleted_through_events(client: TestClient, settings: Settings) -> None:
    created = client.post("/books", json=NEW)
    assert (created.status_code, created.headers["location"]) == (201, "/books/own_shop:n1")
    assert created.json()["attributes"] == {"tax": "0.10", "reviews": 2}
    changed = client.patch(
        "/books/own_shop:n1",
        json={"price": {"amount": "8.00", "currency": "EUR"}, "rating": None},
        headers={"If-Match": created.headers["etag"]},
    )
    assert (changed.json()["price"]["amount"], changed.json()["rating"]) == ("8.00", None)
    assert changed.json()["title"] == "Žuta knjiga"
    history = client.get("/books/own_shop:n1/history").json()["items"]
    assert [period["price"]["amount"] for period in history] == ["9.90", "8.00"]
    assert client.delete("/books/own_shop:n1").status_code == 204
    assert client.get("/books/own_shop:n1").status_code == 404
    log = open_event_log(settings.event_log_url)
    assert sum(p.end for p in log.read_progress(OBSERVED.name, "g")) == 3
    log.close()


@pytest.mark.usefixtures("ingesting")
def test_patch_of_one_attribute_keeps_the_others(client: TestClient) -> None:
    changed = client.patch("/books/shop:u01", json={"attributes": {"tax": "1.00", "reviews": None}}).json()
    assert changed["attributes"] == {"price_excl_tax": "11.00", "tax": "1.00", "product_type": "Books"}
    assert client.patch("/books/shop:u01", json={"attributes": None}).json()["attributes"] == {}


@pytest.mark.usefixtures("ingesting")
def test_details_are_written_merged_and_exported(client: TestClient) -> None:
    told = {"authors": ["Ana Huang", "Milena Sekulić"], "pages": 288, "width_mm": 130, "height_mm": 205}
    new = {**NEW, "details": told, "identifiers": {"isbn13": "9780439023481"}}
    assert client.post("/books", json=new).json()["details"]["authors"] == told["authors"]
    changed = client.patch("/books/own_shop:n1", json={"details": {"pages": 300, "authors": None}}).json()
    assert (changed["details"]["pages"], changed["details"]["authors"]) == (300, [])
    assert changed["details"]["height_mm"] == 205
    row = next(csv.DictReader(io.StringIO(client.get("/books/export?format=csv").text, newline="")))
    assert (row["id"], row["isbn13"], row["pages"]) == ("own_shop:n1", "9780439023481", "300")


@pytest.mark.parametrize(
    "wrong",
    [
        {"details": {"authors": ["a; b"]}},
        {"details": {"authors": [" "]}},
        {"details": {"pages": 0}},
        {"details": {"width_mm": 5}},
        {"details": {"colour": "red"}},
        {"identifiers": {"isbn13": "9780439023482"}},
    ],
)
def test_invalid_details_are_refused(client: TestClient, wrong: dict[str, object]) -> None:
    assert client.post("/books", json={**NEW, **wrong}).status_code == 422


@pytest.mark.usefixtures("ingesting")
def test_amounts_have_the_decimals_of_their_currency(client: TestClient) -> None:
    dinars = {**NEW, "price": {"amount": "5.125", "currency": "KWD"}, "attributes": None}
    assert client.post("/books", json=dinars).json()["price"] == dinars["price"]
    pounds = {**NEW, "source_id": "n2", "price": {"amount": "5.125", "currency": "GBP"}}
    assert client.post("/books", json=pounds).json()["field"] == "price"


@pytest.mark.usefixtures("ingesting")
def test_one_of_two_writes_with_the_same_etag_succeeds(client: TestClient) -> None:
    read = client.get("/books/shop:u03").headers["etag"]
    changes = [{"title": "One"}, {"rating": 5}]
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(
            lambda change: client.patch("/books/shop:u03", json=change, headers={"If-Match": read}), changes
        )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.usefixtures("ingesting")
def test_second_creation_of_a_book_conflicts(client: TestClient) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.post("/books", json=NEW), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


@pytest.mark.usefixtures("ingesting")
def test_second_deletion_of_a_book_is_not_found(client: TestClient) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.delete("/books/shop:u04"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [204, 404]


@pytest.mark.usefixtures("ingesting")
def test_write_with_an_outdated_etag_is_refused(client: TestClient) -> None:
    answer = client.patch("/books/shop:u01", json={"title": "New"}, headers={"If-Match": '"1"'})
    assert answer.json()["type"] == "/problems/precondition-failed"


def test_creation_of_an_existing_book_conflicts(client: TestClient) -> None:
    answer = client.post("/books", json={**NEW, "source": "shop", "source_id": "u01"})
    assert answer.json()["type"] == "/problems/conflict"


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": {"amount": "NaN", "currency": "GBP"}},
        {"price": {"amount": "-1", "currency": "GBP"}},
        {"price": None},
        {"rating": 9},
        {"rating": True},
        {"rating": "3"},
        {"attributes": {"reviews": False}},
        {"colour": "red"},
        {"source_id": "a/b"},
    ],
)
def test_invalid_book_is_refused(client: TestClient, wrong: dict[str, object]) -> None:
    answer = client.post("/books", json={**NEW, **wrong})
    assert (answer.status_code, answer.json()["field"].split(".")[0]) == (422, next(iter(wrong)))


def test_write_without_an_ingestor_is_accepted_and_stored(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, books_api_write_wait=0)
    with TestClient(create_app(settings), headers=as_role(settings, Role.ADMIN)) as client:
        answer = client.post("/books", json=NEW)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")


def test_a_book_is_served_as_json_ld_with_its_version_as_etag(client: TestClient) -> None:
    book = client.get("/books").json()["items"][0]
    answer = client.get(f"/books/{book['id']}/book.jsonld")
    assert (answer.headers["Content-Type"], answer.headers["ETag"]) == (
        "application/ld+json",
        f'"{book["version"]}"',
    )
    assert (answer.json()["@type"], answer.json()["name"]) == ("Book", book["title"])
    assert client.get("/books/shop:none/book.jsonld").status_code == 404


@carries("flat-export")
@pytest.mark.parametrize("write", [export_jsonl, export_csv], ids=["jsonl", "csv"])
def test_memory_of_an_export_is_constant(write: Blocks, tmp_path: Path) -> None:
    peaks = []
    for count in (1_000, 5_000):
        catalogue = open_catalogue(f"sqlite:///{tmp_path}/{count}.db")
        books = [make_book(f"u{n:05d}") for n in range(count)]
        catalogue.apply_batch(
            IngestBatch("t", 0, 0, 1, "lake/0", [Observation(b.id, b, 1, "e") for b in books])
        )
        books.clear()
        tracemalloc.start()
        assert sum(block.count(b"\n") for block in write(catalogue, BookFilter())) >= count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        catalogue.close()
    assert peaks[1] < 1.2 * peaks[0]
