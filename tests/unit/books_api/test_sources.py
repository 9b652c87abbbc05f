"""Sources, and the history of their runs."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.books_api.test_books_api import as_role

from bookcore.catalogue import open_catalogue, runs
from bookcore.events.crawl import RunOutcome
from bookcore.kit.auth import Role
from bookcore.testing.builders import EPOCH, make_book
from bookcore.testing.contracts.catalogue import ingest, observe
from bookcore.testing.contracts.catalogue_runs import make_report, record
from books_api.app import create_app
from books_api.settings import Settings

LOST = make_report("r9").model_copy(update={"heard_until": EPOCH + timedelta(hours=10)})
COMPLETE = make_report("r3", outcome=RunOutcome.COMPLETE, books=9).model_copy(
    update={"seen": 9, "expected": 10, "schedule": "every 1h", "gone": 1}
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The shop has a book, seven runs and a pause; its last run died."""
    settings = Settings(data=tmp_path)
    catalogue = open_catalogue(settings.catalogue_url)
    ingest(catalogue, [observe(make_book("u1"), version=1)])
    early = (make_report(f"r{number}", outcome=RunOutcome.STOPPED) for number in (0, 1, 2, 4, 5))
    record(catalogue, *early, COMPLETE, LOST)
    with catalogue.begin_write() as connection:
        runs.record_pause(connection, "shop", at=EPOCH)
    catalogue.close()
    with TestClient(create_app(settings), headers=as_role(settings, Role.READER)) as client:
        yield client


def test_a_source_shows_its_runs_books_and_pause(client: TestClient) -> None:
    found = client.get("/sources").json()
    (source,) = found["items"]
    assert (found["next"], source["name"], source["books"], source["reader"]) == (
        None,
        "shop",
        1,
        "schema_org",
    )
    assert source["last_complete_run"]["coverage"] == 0.9
    assert (source["last_complete_run"]["run"], source["last_complete_run"]["gone"]) == ("r3", 1)
    assert source["paused"]["since"] == EPOCH.isoformat().replace("+00:00", "Z")
    assert "dlq list" in source["paused"]["reason"]


def test_a_run_that_is_silent_is_lost_and_never_complete(client: TestClient) -> None:
    last = client.get("/sources").json()["items"][0]["last_run"]
    assert (last["run"], last["outcome"], last["ended_at"]) == ("r9", "lost", None)
    assert last["reason"].startswith("it was not heard of since ")


def test_runs_are_paged_from_the_newest(client: TestClient) -> None:
    found, url = [], "/sources/shop/runs?limit=3"
    while url:
        answer = client.get(url)
        found.append([run["run"] for run in answer.json()["items"]])
        url = answer.links["next"]["url"] if answer.json()["next"] else ""
    assert found == [["r9", "r5", "r4"], ["r3", "r2", "r1"], ["r0"]]


def test_an_unknown_source_and_a_foreign_cursor_are_refused(client: TestClient) -> None:
    unknown = client.get("/sources/nowhere/runs")
    assert (unknown.status_code, "/v1/sources lists" in unknown.json()["detail"]) == (404, True)
    cursor = client.get("/sources/shop/runs?limit=1").json()["next"]
    other = client.get("/sources/other/runs", params={"cursor": cursor})
    assert (other.status_code, other.json()["type"]) == (400, "/problems/bad-cursor")
    assert client.get("/sources?limit=1").status_code == 422
    assert client.get("/sources/shop/runs?page=2").status_code == 422
