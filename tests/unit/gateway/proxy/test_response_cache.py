"""Cached responses through the whole gateway: stored, revalidated, purged."""

from collections.abc import Callable
from functools import partial
from threading import Event

import httpx2
import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.servers import READER, StubServices, log_in

from bookcore.domain.book import make_book_id
from bookcore.event_log import open_event_log
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import encode
from bookcore.events.topics import CHANGED
from bookcore.testing.contracts.cache import ManualClock
from gateway.settings import Settings


def read_cache_status(answer: object) -> str:
    return str(getattr(answer, "headers", {}).get("cache-status"))


def poll_until(
    ask: Callable[[], httpx2.Response], is_it: Callable[[httpx2.Response], bool]
) -> httpx2.Response:
    """The first answer of which that is true, within ten seconds."""
    for _ in range(500):
        answer = ask()
        if is_it(answer):
            return answer
        Event().wait(0.02)
    raise AssertionError(answer.text)


def test_cached_response_is_shared_between_readers(
    client: TestClient, services: StubServices, reader: dict[str, str], clock: ManualClock
) -> None:
    other = log_in(client, "/v1/auth/register", READER | {"email": "other@example.org"})
    first = client.get("/v1/books?a=1&b=2", headers=reader)
    clock.advance(20)
    second = client.get("/v1/books?b=2&a=1", headers=other)
    assert (first.json(), len(services.requests)) == (second.json(), 1)
    assert read_cache_status(first) == "bookstream; fwd=uri-miss; stored"
    assert (read_cache_status(second), second.headers["age"]) == ("bookstream; hit; ttl=40", "20")


def test_stale_response_is_served_while_revalidating(
    client: TestClient, services: StubServices, reader: dict[str, str], clock: ManualClock
) -> None:
    services.respond = lambda _: JSONResponse({"n": len(services.requests)})
    client.get("/v1/books", headers=reader)
    clock.advance(70)
    stale = client.get("/v1/books", headers=reader)
    assert (stale.json(), read_cache_status(stale)) == ({"n": 1}, "bookstream; hit; ttl=-10")
    fresh = poll_until(lambda: client.get("/v1/books", headers=reader), lambda a: a.json() == {"n": 2})
    assert read_cache_status(fresh) == "bookstream; hit; ttl=60"


def test_expired_response_is_fetched_again(
    client: TestClient, services: StubServices, reader: dict[str, str], clock: ManualClock
) -> None:
    client.get("/v1/books", headers=reader)
    clock.advance(91)
    assert read_cache_status(client.get("/v1/books", headers=reader)) == "bookstream; fwd=stale; stored"
    assert services.last_request.headers["if-none-match"].startswith('"')


def test_not_modified_renews_the_cached_response(
    client: TestClient, services: StubServices, reader: dict[str, str], clock: ManualClock
) -> None:
    body = client.get("/v1/books", headers=reader).json()
    clock.advance(91)
    services.respond = lambda _: Response(status_code=304)
    again = client.get("/v1/books", headers=reader)
    assert (again.status_code, again.json(), read_cache_status(again)) == (
        200,
        body,
        "bookstream; fwd=stale; stored",
    )
    assert read_cache_status(client.get("/v1/books", headers=reader)) == "bookstream; hit; ttl=60"


def test_stale_response_is_served_for_an_hour_while_the_service_fails(
    client: TestClient, services: StubServices, reader: dict[str, str], clock: ManualClock
) -> None:
    body = client.get("/v1/books", headers=reader).json()
    services.respond = lambda _: JSONResponse({}, 503)
    clock.advance(100)
    old = client.get("/v1/books", headers=reader)
    assert (old.json(), read_cache_status(old)) == (
        body,
        "bookstream; hit; fwd=stale; ttl=-40; fwd-status=503",
    )
    clock.advance(3_600)
    later = log_in(client, "/v1/auth/login", READER)
    assert client.get("/v1/books", headers=later).status_code == 503


def test_must_revalidate_response_is_not_served_stale(
    client: TestClient, services: StubServices, reader: dict[str, str], clock: ManualClock
) -> None:
    strict = {"Cache-Control": "max-age=60, must-revalidate"}
    services.respond = lambda _: JSONResponse({}, headers=strict)
    client.get("/v1/books", headers=reader)
    services.respond = lambda _: JSONResponse({}, 503)
    clock.advance(61)
    assert client.get("/v1/books", headers=reader).status_code == 503


def test_vary_header_separates_cached_variants(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    def speak(request: Request) -> Response:
        return JSONResponse({"in": request.headers["accept-language"]}, headers={"Vary": "Accept-Language"})

    services.respond = speak
    for expected in ("fwd=uri-miss; stored", "hit; ttl=60"):
        for language in ("de", "en"):
            answer = client.get("/v1/books", headers=reader | {"Accept-Language": language})
            assert (answer.json(), read_cache_status(answer)) == ({"in": language}, f"bookstream; {expected}")
    assert len(services.requests) == 2


def test_matching_etag_returns_304(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    services.respond = lambda _: JSONResponse({"a": 1}, headers={"ETag": '"7"'})
    etag = client.get("/v1/books/x", headers=reader).headers["etag"]
    again = client.get("/v1/books/x", headers=reader | {"If-None-Match": etag})
    assert (etag, again.status_code, again.content) == ('"7"', 304, b"")
    assert "content-type" not in again.headers
    services.respond = lambda _: JSONResponse({"a": 2}, headers={"ETag": '"8"'})
    fresh = client.get("/v1/books/x", headers=reader | {"If-None-Match": etag, "Cache-Control": "no-cache"})
    assert (fresh.status_code, fresh.json()) == (200, {"a": 2})


def test_cache_miss_with_matching_etag_returns_304(client: TestClient, reader: dict[str, str]) -> None:
    etag = client.get("/v1/statistics", headers=reader).headers["etag"]
    headers = reader | {"If-None-Match": f'"x", {etag}', "Cache-Control": "no-cache"}
    assert client.get("/v1/statistics", headers=headers).status_code == 304


def test_head_request_is_served_from_a_cached_get(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    assert client.head("/v1/books", headers=reader).status_code == 200
    body = client.get("/v1/books", headers=reader).content
    head = client.head("/v1/books", headers=reader)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(body)))
    assert [request.method for request in services.requests] == ["GET"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: JSONResponse({}, headers={"Cache-Control": "no-store"}),
        lambda _: JSONResponse({}, headers={"Set-Cookie": "a=b"}),
        lambda _: JSONResponse({}, headers={"Vary": "Cookie"}),
        lambda _: JSONResponse({}, 404),
        lambda _: Response(b"x" * 10_001),
    ],
)
def test_uncacheable_response_is_fetched_every_time(
    client: TestClient,
    services: StubServices,
    reader: dict[str, str],
    answer: Callable[[Request], Response],
) -> None:
    services.respond = answer
    bodies = [client.get("/v1/books", headers=reader).content for _ in range(2)]
    assert (bodies[0], len(services.requests)) == (bodies[1], 2)


@pytest.mark.parametrize("path", ["/v1/books/export", "/v1/search"])
def test_exports_and_searches_are_not_cached(
    client: TestClient, services: StubServices, reader: dict[str, str], path: str
) -> None:
    answers = [client.get(path, headers=reader) for _ in range(2)]
    assert (read_cache_status(answers[1]), len(services.requests)) == ("bookstream; fwd=bypass", 2)


def test_range_request_bypasses_the_cache(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    client.get("/v1/books", headers=reader)
    client.get("/v1/books", headers=reader | {"Range": "bytes=0-1"})
    assert services.last_request.headers["range"] == "bytes=0-1"


def test_write_through_the_gateway_purges_cached_responses(
    client: TestClient, services: StubServices, reader: dict[str, str], admin: dict[str, str]
) -> None:
    client.get("/v1/books", headers=reader)
    client.get("/v1/statistics", headers=reader)
    client.put("/v1/books/x", headers=admin)
    answers = [client.get(path, headers=reader) for path in ("/v1/books", "/v1/statistics")]
    assert [read_cache_status(answer) for answer in answers] == ["bookstream; fwd=uri-miss; stored"] * 2


def test_refused_write_purges_nothing(
    client: TestClient, services: StubServices, reader: dict[str, str], admin: dict[str, str]
) -> None:
    client.get("/v1/books", headers=reader)
    services.respond = lambda _: JSONResponse({}, 412)
    client.put("/v1/books/x", headers=admin)
    assert read_cache_status(client.get("/v1/books", headers=reader)).startswith("bookstream; hit")


def test_change_event_purges_cached_responses(
    client: TestClient, services: StubServices, reader: dict[str, str], settings: Settings
) -> None:
    def price(book: str) -> httpx2.Response:
        return client.get(f"/v1/books/{book}", headers=reader)

    changed, other = make_book_id("shop", "u1"), make_book_id("shop", "u2")
    for path in ("/v1/books", f"/v1/books/{changed}", f"/v1/books/{other}"):
        poll_until(partial(client.get, path, headers=reader), is_hit)  # the listener first drops everything
    log = open_event_log(settings.event_log_url)
    change = BookChanged(book_id=changed, version=1, kind=ChangeKind.CREATED, changes=())
    log.append(CHANGED.name, [encode(change, source="test")])
    poll_until(partial(price, changed), is_miss)
    assert not is_hit(client.get("/v1/books", headers=reader))
    assert is_hit(price(other))
    log.close()


def is_hit(answer: httpx2.Response) -> bool:
    return read_cache_status(answer).startswith("bookstream; hit")


def is_miss(answer: httpx2.Response) -> bool:
    return not is_hit(answer)
