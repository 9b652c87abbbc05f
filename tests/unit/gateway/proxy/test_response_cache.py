"""Through the front door: what is kept, revalidated, purged."""

from collections.abc import Callable
from functools import partial
from threading import Event

import httpx2
import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.servers import READER, TinyServices, bearer

from bookcore.domain.book import make_book_id
from bookcore.event_log import open_event_log
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import encode
from bookcore.events.topics import CHANGED
from bookcore.testing.contracts.cache import ManualClock
from gateway.settings import Settings


def status(answer: object) -> str:
    return str(getattr(answer, "headers", {}).get("cache-status"))


def until(ask: Callable[[], httpx2.Response], is_it: Callable[[httpx2.Response], bool]) -> httpx2.Response:
    """The first answer of which that is true, within ten seconds."""
    for _ in range(500):
        answer = ask()
        if is_it(answer):
            return answer
        Event().wait(0.02)
    raise AssertionError(answer.text)


def test_the_second_reader_gets_the_first_readers_answer(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: ManualClock
) -> None:
    other = bearer(client, "/v1/auth/register", READER | {"email": "other@example.org"})
    first = client.get("/v1/books?a=1&b=2", headers=reader)
    clock.advance(20)
    second = client.get("/v1/books?b=2&a=1", headers=other)
    assert (first.json(), len(services.requests)) == (second.json(), 1)
    assert status(first) == "bookstream; fwd=uri-miss; stored"
    assert (status(second), second.headers["age"]) == ("bookstream; hit; ttl=40", "20")


def test_an_answer_past_its_time_is_given_once_more_while_a_new_one_is_fetched(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: ManualClock
) -> None:
    services.answer = lambda _: JSONResponse({"n": len(services.requests)})
    client.get("/v1/books", headers=reader)
    clock.advance(70)
    stale = client.get("/v1/books", headers=reader)
    assert (stale.json(), status(stale)) == ({"n": 1}, "bookstream; hit; ttl=-10")
    fresh = until(lambda: client.get("/v1/books", headers=reader), lambda a: a.json() == {"n": 2})
    assert status(fresh) == "bookstream; hit; ttl=60"


def test_an_answer_long_past_its_time_is_asked_for_anew(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: ManualClock
) -> None:
    client.get("/v1/books", headers=reader)
    clock.advance(91)
    assert status(client.get("/v1/books", headers=reader)) == "bookstream; fwd=stale; stored"
    assert services.last.headers["if-none-match"].startswith('"')


def test_a_service_that_says_nothing_has_changed_renews_what_was_kept(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: ManualClock
) -> None:
    body = client.get("/v1/books", headers=reader).json()
    clock.advance(91)
    services.answer = lambda _: Response(status_code=304)
    again = client.get("/v1/books", headers=reader)
    assert (again.status_code, again.json(), status(again)) == (200, body, "bookstream; fwd=stale; stored")
    assert status(client.get("/v1/books", headers=reader)) == "bookstream; hit; ttl=60"


def test_when_no_service_can_answer_an_old_answer_is_given_for_an_hour(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: ManualClock
) -> None:
    body = client.get("/v1/books", headers=reader).json()
    services.answer = lambda _: JSONResponse({}, 503)
    clock.advance(100)
    old = client.get("/v1/books", headers=reader)
    assert (old.json(), status(old)) == (body, "bookstream; hit; fwd=stale; ttl=-40; fwd-status=503")
    clock.advance(3_600)
    later = bearer(client, "/v1/auth/login", READER)
    assert client.get("/v1/books", headers=later).status_code == 503


def test_an_answer_that_forbids_to_be_old_is_not_given_when_services_fail(
    client: TestClient, services: TinyServices, reader: dict[str, str], clock: ManualClock
) -> None:
    strict = {"Cache-Control": "max-age=60, must-revalidate"}
    services.answer = lambda _: JSONResponse({}, headers=strict)
    client.get("/v1/books", headers=reader)
    services.answer = lambda _: JSONResponse({}, 503)
    clock.advance(61)
    assert client.get("/v1/books", headers=reader).status_code == 503


def test_each_language_has_its_own_answer_when_the_service_says_that_it_varies(
    client: TestClient, services: TinyServices, reader: dict[str, str]
) -> None:
    def speak(request: Request) -> Response:
        return JSONResponse({"in": request.headers["accept-language"]}, headers={"Vary": "Accept-Language"})

    services.answer = speak
    for expected in ("fwd=uri-miss; stored", "hit; ttl=60"):
        for language in ("de", "en"):
            answer = client.get("/v1/books", headers=reader | {"Accept-Language": language})
            assert (answer.json(), status(answer)) == ({"in": language}, f"bookstream; {expected}")
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
        lambda _: JSONResponse({}, headers={"Vary": "Cookie"}),
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


def test_a_change_in_the_event_log_drops_what_was_kept(
    client: TestClient, services: TinyServices, reader: dict[str, str], settings: Settings
) -> None:
    def price(book: str) -> httpx2.Response:
        return client.get(f"/v1/books/{book}", headers=reader)

    changed, other = make_book_id("shop", "u1"), make_book_id("shop", "u2")
    for path in ("/v1/books", f"/v1/books/{changed}", f"/v1/books/{other}"):
        until(partial(client.get, path, headers=reader), is_hit)  # the listener first drops everything
    log = open_event_log(settings.event_log_url)
    change = BookChanged(book_id=changed, version=1, kind=ChangeKind.CREATED, changes=())
    log.append(CHANGED.name, [encode(change, source="test")])
    until(partial(price, changed), is_miss)
    assert not is_hit(client.get("/v1/books", headers=reader))
    assert is_hit(price(other))
    log.close()


def is_hit(answer: httpx2.Response) -> bool:
    return status(answer).startswith("bookstream; hit")


def is_miss(answer: httpx2.Response) -> bool:
    return not is_hit(answer)
