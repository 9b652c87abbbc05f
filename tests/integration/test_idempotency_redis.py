"""One Idempotency-Key shared by several books-api processes through Valkey."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from tests.unit.books_api.test_idempotency import KEY, NEW, as_user, events

from books_api.app import create_app
from books_api.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(
        data=tmp_path,
        event_log_url=f"sqlite://{tmp_path}/log.db",
        catalogue_url=f"sqlite:///{tmp_path}/catalogue.db",
        books_api_write_wait=0,
        cache_url=f"{redis_url}?prefix=t{uuid4().hex}:",
    )


@pytest.fixture
def two(settings: Settings) -> Iterator[list[TestClient]]:
    with ExitStack() as stack:
        apps = [create_app(settings) for _ in range(2)]
        yield [stack.enter_context(TestClient(app, headers=as_user(settings, "u"))) for app in apps]


def test_an_idempotency_key_is_shared_by_processes(two: list[TestClient], settings: Settings) -> None:
    first = two[0].post("/books", json=NEW, headers=KEY)
    again = two[1].post("/books", json=NEW, headers=KEY)
    assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert two[1].post("/books", json=NEW | {"title": "Other"}, headers=KEY).status_code == 422
    assert events(settings) == 1


def test_a_refusal_frees_the_key_for_all(two: list[TestClient]) -> None:
    assert two[0].post("/books", json={}, headers=KEY).status_code == 422
    assert two[1].post("/books", json=NEW, headers=KEY).status_code == 202
