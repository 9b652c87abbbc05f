"""Through the front door: what is kept, revalidated, purged."""

import asyncio
from collections.abc import Callable
from threading import Event

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.conftest import READER, TinyServices, bearer

from bookcore.cache.memory import MemoryCache
from bookcore.domain.book import book_id
from bookcore.event_log import open_event_log
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import encode
from bookcore.events.topics import CHANGED
from bookcore.testing.contracts.cache import MovableClock
from gateway.cache.responses import ResponseCache, StoredResponse
from gateway.settings import Settings


def status(answer: object) -> str:
    return str(getattr(answer, "headers", {}).get("cache-status"))


def test_the_second_reader_gets_the_first_readers_answer(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: MovableClock
) -> None:
    other = bearer(client, "/v1/auth/register", READER | {"email": "other@example.org"})
    first = client.get("/v1/books?a=1&b=2", headers=reader)
    clock.advance(20)
    second = client.get("/v1/books?b=2&a=1", headers=other)
    assert (first.json(), len(services.requests)) == (second.json(), 1)
    assert status(first) == "bookstream; fwd=uri-miss; stored"
    assert (status(second), second.headers["age"]) == ("bookstream; hit; ttl=40", "20")


def test_a_kept_answer_is_dropped_when_its_time_is_over(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: MovableClock
) -> None:
    client.get("/v1/books", headers=reader)
    clock.advance(61)
    client.get("/v1/books", headers=reader)
    assert len(services.requests) == 2


def test_a_copy_that_is_still_good_is_not_sent_again(
    client: TestClient, services: TinyServices, reader: dict[str, str]
) -> None:
    services.answer = lambda _: JSONResponse({"a": 1}, headers={"ETag": '"7"'})
    etag = client.get("/v1/books/x", headers=reader).headers["etag"]
    again = client.get("/v1/books/x", headers=reader | {"If-None-Match": etag})
    assert (etag, again.status_code, again.content) == ('"7"', 304, b"")
    assert "content-type" not in again.headers
    services.answer = lambda _: JSONResponse({"a": 2}, headers={"ETag": '"8"'})
    fresh = client.get("/v1/books/x", headers=reader | {"If-None-Match": etag, "Cache-Control": "no-cache"})
    assert (fresh.status_code, fresh.json()) == (200, {"a": 2})


def test_a_first_read_can_be_not_modified_too(client: TestClient, reader: dict[str, str]) -> None:
    etag = client.get("/v1/statistics", headers=reader).headers["etag"]
    headers = reader | {"If-None-Match": f'"x", {etag}', "Cache-Control": "no-cache"}
    assert client.get("/v1/statistics", headers=headers).status_code == 304


def test_a_head_is_answered_from_a_kept_get(
    client: TestClient, services: TinyServices, reader: dict[str, str]
) -> None:
    assert client.head("/v1/books", headers=reader).status_code == 200
    body = client.get("/v1/books", headers=reader).content
    head = client.head("/v1/books", headers=reader)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(body)))
    assert [request.method for request in services.requests] == ["HEAD", "GET"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: JSONResponse({}, headers={"Cache-Control": "no-store"}),
        lambda _: JSONResponse({}, headers={"Set-Cookie": "a=b"}),
        lambda _: JSONResponse({}, headers={"Vary": "Accept"}),
        lambda _: JSONResponse({}, 404),
        lambda _: Response(b"x" * 10_001),
    ],
)
def test_what_may_not_be_kept_is_asked_for_every_time(
    client: TestClient,
    services: TinyServices,
    reader: dict[str, str],
    answer: Callable[[Request], Response],
) -> None:
    services.answer = answer
    bodies = [client.get("/v1/books", headers=reader).content for _ in range(2)]
    assert (bodies[0], len(services.requests)) == (bodies[1], 2)


@pytest.mark.parametrize("path", ["/v1/books/export", "/v1/search"])
def test_exports_and_searches_are_not_kept(
    client: TestClient, services: TinyServices, reader: dict[str, str], path: str
) -> None:
    answers = [client.get(path, headers=reader) for _ in range(2)]
    assert (status(answers[1]), len(services.requests)) == ("bookstream; fwd=bypass", 2)


def test_a_part_of_a_body_comes_from_the_service(
    client: TestClient, services: TinyServices, reader: dict[str, str]
) -> None:
    client.get("/v1/books", headers=reader)
    client.get("/v1/books", headers=reader | {"Range": "bytes=0-1"})
    assert services.last.headers["range"] == "bytes=0-1"


def test_a_write_through_the_gateway_drops_what_was_kept(
    client: TestClient, services: TinyServices, reader: dict[str, str], admin: dict[str, str]
) -> None:
    client.get("/v1/books", headers=reader)
    client.get("/v1/statistics", headers=reader)
    client.put("/v1/books/x", headers=admin)
    answers = [client.get(path, headers=reader) for path in ("/v1/books", "/v1/statistics")]
    assert [status(answer) for answer in answers] == ["bookstream; fwd=uri-miss; stored"] * 2


def test_a_write_that_was_refused_drops_nothing(
    client: TestClient, services: TinyServices, reader: dict[str, str], admin: dict[str, str]
) -> None:
    client.get("/v1/books", headers=reader)
    services.answer = lambda _: JSONResponse({}, 412)
    client.put("/v1/books/x", headers=admin)
    assert status(client.get("/v1/books", headers=reader)).startswith("bookstream; hit")


def test_an_answer_that_was_on_its_way_during_a_change_is_never_found() -> None:
    async def scenario() -> tuple[StoredResponse | None, StoredResponse | None]:
        clock = MovableClock()
        responses = ResponseCache(MemoryCache(clock=clock), clock=clock)
        stale = StoredResponse((), b"old", b'"1"', responses.now(), 60)
        before = await responses.slot("books", "key")
        await responses.purge("books")
        await responses.put(before, stale)
        after = await responses.slot("books", "key")
        found = await responses.get(after)
        await responses.put(after, stale)
        return found, await responses.get(after)

    found, kept = asyncio.run(scenario())
    assert found is None
    assert kept is not None


def test_a_change_in_the_event_log_drops_what_was_kept(
    client: TestClient, services: TinyServices, reader: dict[str, str], settings: Settings
) -> None:
    while status(client.get("/v1/books", headers=reader)).startswith("bookstream; fwd"):
        pass  # the listener purges once when it has begun
    log = open_event_log(settings.event_log_url)
    change = BookChanged(book_id=book_id("shop", "u1"), version=1, kind=ChangeKind.CREATED, changes=())
    log.append(CHANGED.name, [encode(change, source="test")])
    for _ in range(500):
        Event().wait(0.02)
        if status(client.get("/v1/books", headers=reader)).startswith("bookstream; fwd"):
            break
    else:
        pytest.fail("the change was not heard of")
    log.close()
