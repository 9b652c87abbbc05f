"""The managed tree of categories over HTTP, with the ingestor's consumer at work."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient
from tests.unit.books_api.test_books_api import as_role
from tests.unit.books_api.test_filters import find, put

from bookcore.catalogue import categories, open_catalogue
from bookcore.event_log import open_event_log
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.kit.auth import Role
from bookcore.testing.builders import make_book
from books_api.app import create_app
from books_api.settings import Settings
from ingestor.categories import GROUP, CategorySink, create_category_consumer

BOOKS = [
    make_book("a"),
    replace(make_book("b"), category="Sci-Fi"),
    replace(make_book("c"), category="Sci-Fi, used"),
    replace(make_book("d"), source="other", category="SF"),
    replace(make_book("e"), category=None),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Five books of two sources; their sources call categories Poetry, Sci-Fi and SF."""
    settings = Settings(data=tmp_path)
    put(settings, BOOKS)
    return settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """An editor, while the ingestor reads decisions."""
    log, catalogue = open_event_log(settings.event_log_url), open_catalogue(settings.catalogue_url)
    sink, stop = CategorySink(catalogue, DeadLetterQueue(log)), Event()
    loop = ConsumerLoop(create_category_consumer(log, catalogue), sink.handle, limit=100, name=GROUP)
    worker = Thread(target=loop.run, args=(stop,))
    worker.start()
    with TestClient(
        create_app(settings), headers=as_role(settings, Role.EDITOR), follow_redirects=False
    ) as client:
        yield client
    stop.set()
    worker.join()
    for store in (log, catalogue):
        store.close()


def create(client: TestClient, name: str, parent: str | None = None) -> str:
    answer = client.post("/category-tree", json={"name": name, "parent": parent})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def keep(client: TestClient, printed: str, category: str, source: str | None = None) -> None:
    rule = {"printed": printed, "category": category, "source": source}
    answer = client.put("/category-tree/rules", json=rule)
    assert (answer.status_code, answer.json()) == (200, rule)


def draw(client: TestClient) -> dict[str, tuple[int, int]]:
    """Books in each category, and in it with those below."""
    items = client.get("/category-tree").json()["items"]
    return {item["id"]: (item["books"], item["books_below"]) for item in items}


def test_rules_place_the_books_of_all_sources_in_the_tree(client: TestClient) -> None:
    create(client, "Fiction")
    assert create(client, "Science Fiction", "fiction") == "science-fiction"
    keep(client, "sci-fi*", "science-fiction")
    keep(client, "sf", "science-fiction", "other")
    keep(client, "Poetry", "fiction")
    assert draw(client) == {"fiction": (1, 4), "science-fiction": (3, 3)}
    assert client.get("/category-tree").json()["unplaced_books"] == 1
    assert find(client, "category_id=science-fiction") == "dbc"
    assert find(client, "category_id=fiction&category=Poetry") == "a"
    assert client.get("/statistics?category_id=science-fiction").json()["overall"][0]["books"] == 3
    assert client.get("/books/export?category_id=science-fiction").text.count("\n") == 3
    detail = client.get("/category-tree/science-fiction").json()
    assert [part["id"] for part in detail["path"]] == ["fiction", "science-fiction"]
    assert [each["category"] for each in detail["printed"]] == ["SF", "Sci-Fi", "Sci-Fi, used"]


def test_a_rule_is_tried_before_it_is_kept(client: TestClient) -> None:
    create(client, "Fiction")
    rule = {"printed": "sci-fi*", "category": "fiction"}
    trial = client.post("/category-tree/rules/try", json=rule).json()
    assert (trial["books"], [part["category"] for part in trial["items"]]) == (2, ["Sci-Fi", "Sci-Fi, used"])
    assert {part["before"] for part in trial["items"]} == {None}
    assert client.get("/category-tree/rules").json()["items"] == []
    keep(client, "sci-fi*", "fiction")
    assert client.post("/category-tree/rules/try", json=rule).json()["items"] == []
    assert client.delete("/category-tree/rules?printed=SCI-FI*").status_code == 204
    assert client.delete("/category-tree/rules?printed=SCI-FI*").status_code == 404
    unplaced = client.get("/category-tree/unplaced").json()["items"]
    assert [each["category"] for each in unplaced] == ["SF", None, "Poetry", "Sci-Fi", "Sci-Fi, used"]


def test_a_renamed_and_a_merged_category_redirect(client: TestClient) -> None:
    create(client, "Fiction")
    create(client, "Sci-Fi", "fiction")
    keep(client, "sci-fi", "sci-fi")
    renamed = client.patch("/category-tree/sci-fi", json={"name": "Science Fiction"})
    assert (renamed.json()["id"], renamed.headers["location"]) == (
        "science-fiction",
        "/category-tree/science-fiction",
    )
    old = client.get("/category-tree/sci-fi")
    assert (old.status_code, old.headers["location"]) == (308, "/category-tree/science-fiction")
    assert find(client, "category_id=sci-fi") == "b"
    merged = client.post("/category-tree/science-fiction/merge", json={"into": "fiction"})
    assert [rule["printed"] for rule in merged.json()["rules"]] == ["sci-fi"]
    assert client.get("/category-tree/sci-fi").headers["location"] == "/category-tree/fiction"
    moved = client.patch("/category-tree/fiction", json={"parent": None})
    assert (moved.status_code, len(moved.json()["path"])) == (200, 1)


def test_decisions_are_listed_with_user_and_refusal(client: TestClient, settings: Settings) -> None:
    for name in ("A1", "B1", "C1"):
        create(client, name)
    first = client.get("/category-tree/decisions?limit=2").json()
    second = client.get("/category-tree/decisions", params={"limit": 2, "cursor": first["next"]}).json()
    found = [item["decision"]["id"] for item in (*first["items"], *second["items"])]
    assert (found, second["next"]) == (["c1", "b1", "a1"], None)
    assert {item["decided_by"] for item in first["items"]} == {"u"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/category-tree", {"name": "Fiction"}, 409),
        ("POST", "/category-tree", {"name": "人間"}, 422),
        ("POST", "/category-tree", {"name": "A", "parent": "nowhere"}, 404),
        ("POST", "/category-tree", {"name": " A"}, 422),
        ("POST", "/category-tree", {"name": "A", "id": "No spaces"}, 422),
        ("PATCH", "/category-tree/fiction", {}, 422),
        ("PATCH", "/category-tree/fiction", {"name": "A", "parent": None}, 422),
        ("PATCH", "/category-tree/nowhere", {"name": "A"}, 404),
        ("PATCH", "/category-tree/fiction", {"parent": "fiction"}, 409),
        ("POST", "/category-tree/fiction/merge", {"into": "fiction"}, 409),
        ("PUT", "/category-tree/rules", {"printed": "*", "category": "fiction"}, 422),
        ("PUT", "/category-tree/rules", {"printed": "x", "category": "nowhere"}, 404),
        ("POST", "/category-tree/rules/try", {"printed": "x", "category": "nowhere"}, 404),
        ("GET", "/category-tree/nowhere", None, 404),
        ("GET", "/books?category_id=nowhere", None, 422),
        ("GET", "/category-tree/decisions?cursor=x", None, 400),
    ],
)
def test_a_refused_decision_leaves_the_tree(
    client: TestClient, method: str, path: str, body: object, status: int
) -> None:
    create(client, "Fiction")
    answer = client.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert list(draw(client)) == ["fiction"]


def test_a_decision_is_pending_without_an_ingestor(settings: Settings) -> None:
    waitless = settings.model_copy(update={"books_api_write_wait": 0.05})
    with TestClient(create_app(waitless), headers=as_role(settings, Role.EDITOR)) as client:
        answer = client.post("/category-tree", json={"name": "Fiction"})
        assert (answer.status_code, answer.json()) == (202, {"status": "pending"})
        assert client.put("/category-tree/rules", json={"printed": "x", "category": "a"}).status_code == 404


def test_a_reader_reads_the_tree_and_changes_nothing(client: TestClient, settings: Settings) -> None:
    reader = as_role(settings, Role.READER)
    assert client.get("/category-tree", headers=reader).status_code == 200
    assert client.post("/category-tree", json={"name": "A"}, headers=reader).status_code == 403
    with (catalogue := open_catalogue(settings.catalogue_url)).begin_read() as connection:
        assert categories.list_decisions(connection, before=None, limit=1) == ([], None)
    catalogue.close()
