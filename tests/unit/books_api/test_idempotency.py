import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import Response
from fastapi.testclient import TestClient

from bookcore.cache.memory import MemoryCache
from bookcore.event_log import open_event_log
from bookcore.events.topics import OBSERVED
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.problem import ProblemError
from books_api.app import create_app
from books_api.idempotency import IdempotencyStore, IdempotentRequest
from books_api.settings import Settings

NEW = {
    "source": "own_shop",
    "source_id": "n1",
    "url": "https://own.example/n1",
    "title": "Once",
    "price": {"amount": "9.90", "currency": "EUR"},
}
KEY = {"Idempotency-Key": "5f0c9c52-2b7e-4f4c-9f0e-6d1f0a1b2c3d"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, books_api_write_wait=0)


def as_user(settings: Settings, user_id: str, role: Role = Role.EDITOR) -> dict[str, str]:
    tokens = InternalTokens(settings.internal_secret.get_secret_value())
    return {HEADER: tokens.sign(Identity(user_id, role, DEFAULT_SCOPES[role]))}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """Asks as an editor; nothing ingests, so every write is a 202 and an event."""
    with TestClient(create_app(settings), headers=as_user(settings, "u")) as client:
        yield client


def events(settings: Settings) -> int:
    log = open_event_log(settings.event_log_url)
    count = sum(progress.end for progress in log.read_progress(OBSERVED.name, "g"))
    log.close()
    return count


def test_repeated_request_gets_the_stored_response_and_has_no_effect(
    client: TestClient, settings: Settings
) -> None:
    first = client.post("/books", json=NEW, headers=KEY)
    again = client.post("/books", json=NEW, headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (202, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert events(settings) == 1


def test_key_used_with_another_request_is_refused(client: TestClient, settings: Settings) -> None:
    client.post("/books", json=NEW, headers=KEY)
    other = client.post("/books", json=NEW | {"title": "Twice"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-mismatch")
    assert events(settings) == 1


def test_concurrent_requests_with_one_key_are_processed_once(client: TestClient, settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/books", json=NEW, headers=KEY), range(16)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert events(settings) == 1


def test_keys_of_two_users_are_independent(client: TestClient, settings: Settings) -> None:
    client.post("/books", json=NEW, headers=KEY)
    other = client.post("/books", json=NEW, headers=KEY | as_user(settings, "v"))
    assert "idempotency-replayed" not in other.headers
    assert events(settings) == 2


def test_error_response_releases_the_key(client: TestClient, settings: Settings) -> None:
    reader = as_user(settings, "u", Role.READER)
    assert client.post("/books", json=NEW, headers=KEY | reader).status_code == 403
    assert client.post("/books", json=NEW | {"price": None}, headers=KEY).status_code == 422
    assert client.post("/books", json=NEW, headers=KEY).status_code == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ü", "\t"])
def test_malformed_key_is_refused_by_name(client: TestClient, key: str) -> None:
    answer = client.post("/books", json=NEW, headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_request_without_internal_token_gets_no_stored_response(client: TestClient) -> None:
    client.post("/books", json=NEW, headers=KEY)
    assert client.post("/books", json=NEW, headers=KEY | {HEADER: "forged"}).status_code == 401


def test_second_request_conflicts_while_the_first_is_in_progress() -> None:
    async def both() -> int:
        answers, begun, go_on = IdempotencyStore(MemoryCache()), asyncio.Event(), asyncio.Event()
        ask = IdempotentRequest("idempotency:x", b"same")

        async def slow() -> Response:
            begun.set()
            await go_on.wait()
            return Response(b"done", 201)

        first = asyncio.create_task(answers.run_once(ask, slow))
        await begun.wait()
        with pytest.raises(ProblemError, match="is in progress"):
            await answers.run_once(ask, slow)
        go_on.set()
        await first
        return (await answers.run_once(ask, slow)).status_code

    assert asyncio.run(both()) == 201


def test_exception_releases_the_key() -> None:
    async def twice() -> int:
        answers, ask = IdempotencyStore(MemoryCache()), IdempotentRequest("idempotency:x", b"same")

        async def fails() -> Response:
            raise RuntimeError("broken")

        async def works() -> Response:
            return Response(b"done", 201)

        with pytest.raises(RuntimeError):
            await answers.run_once(ask, fails)
        return (await answers.run_once(ask, works)).status_code

    assert asyncio.run(twice()) == 201
