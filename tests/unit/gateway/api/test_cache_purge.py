"""Purging by the administrator."""

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import StubServices

BOOKS = ("/v1/books", "/v1/books/a", "/v1/books/b")


def hits(client: TestClient, reader: dict[str, str]) -> list[bool]:
    answers = [client.get(path, headers=reader) for path in BOOKS]
    return ["hit" in answer.headers["cache-status"] for answer in answers]


@pytest.mark.parametrize(
    ("purge", "left"),
    [
        ({"books": ["a"]}, [True, False, True]),
        ({"lists": True}, [False, True, True]),
        ({"books": ["a", "b"], "lists": True}, [False, False, False]),
        ({"everything": True}, [False, False, False]),
        ({}, [True, True, True]),
    ],
)
def test_administrator_purges_the_named_responses(
    client: TestClient,
    services: StubServices,
    admin: dict[str, str],
    purge: dict[str, object],
    left: list[bool],
) -> None:
    hits(client, admin)
    hits(client, admin)
    answer = client.post("/v1/admin/cache/purge", json=purge, headers=admin)
    assert answer.status_code == 200
    assert hits(client, admin) == left


@pytest.mark.parametrize("purge", [{"books": ["a b"]}, {"books": ["*"]}, {"books": [""]}, {"tags": ["x"]}])
def test_purge_of_an_invalid_book_is_refused(
    client: TestClient, services: StubServices, admin: dict[str, str], purge: dict[str, object]
) -> None:
    assert client.post("/v1/admin/cache/purge", json=purge, headers=admin).status_code == 422


def test_reader_cannot_purge_the_cache(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    assert client.post("/v1/admin/cache/purge", json={}, headers=reader).status_code == 403
