import asyncio
import resource
from collections.abc import AsyncIterator
from threading import Event

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from tests.unit.gateway.servers import Door, misbehaving, nobody_listens, served

CHUNK = b"x" * 65_536
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\n\r\nonly this"
CUT_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def naming(name: str) -> Starlette:
    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"name": name, "method": request.method})

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])])


def test_a_service_that_is_not_there_is_unavailable_with_a_time_to_retry(door: Door) -> None:
    answer = door(nobody_listens()).get("/v1/books")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"] == "2"


def test_a_service_that_hangs_up_or_talks_nonsense_is_a_bad_gateway(door: Door) -> None:
    with misbehaving(b"") as silent, misbehaving(b"SMTP ready\r\n\r\n") as nonsense:
        for address in (silent, nonsense):
            answer = door(address).get("/v1/books")
            assert (answer.status_code, answer.json()["type"]) == (502, "/problems/bad-gateway")


def test_a_service_that_says_nothing_for_too_long_is_a_timeout(door: Door) -> None:
    async def never(_: Request) -> JSONResponse:
        await asyncio.Event().wait()
        return JSONResponse({})

    with served(Starlette(routes=[Route("/books", never)])) as slow:
        answer = door(slow, read_seconds=0.2).get("/v1/books")
    assert (answer.status_code, answer.json()["type"]) == (504, "/problems/timeout")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_another_address_is_tried_when_one_can_not_be_connected(door: Door, method: str) -> None:
    with served(naming("alive")) as alive:
        client = door(nobody_listens(), alive)
        answers = [client.request(method, f"/v1/books/{n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 6


def test_a_read_is_repeated_elsewhere_when_a_service_hangs_up_but_a_write_is_not(door: Door) -> None:
    with misbehaving(b"") as broken, served(naming("alive")) as alive:
        assert door(broken, alive).get("/v1/books").json()["name"] == "alive"
        assert door(broken, alive).put("/v1/books/x").status_code == 502


def test_requests_are_spread_over_the_addresses(door: Door) -> None:
    with served(naming("one")) as one, served(naming("two")) as two:
        client = door(one, two)
        names = [client.get(f"/v1/books/{n}").json()["name"] for n in range(10)]
    assert (names.count("one"), names.count("two")) == (5, 5)


@pytest.mark.parametrize("cut", [SHORT, CUT_CHUNKS])
def test_an_answer_that_breaks_off_never_looks_whole(door: Door, cut: bytes) -> None:
    with misbehaving(cut) as broken:
        client = door(broken)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/v1/books/export")


def test_an_answer_that_breaks_off_before_it_was_passed_on_is_a_bad_gateway(door: Door) -> None:
    with misbehaving(SHORT) as broken:
        assert door(broken).get("/v1/books").status_code == 502


def test_a_client_that_leaves_stops_the_service(door: Door) -> None:
    stopped = Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield CHUNK
                await asyncio.sleep(0)
        finally:
            stopped.set()

    async def export(_: Request) -> StreamingResponse:
        return StreamingResponse(endless())

    with served(Starlette(routes=[Route("/books/export", export)])) as service:
        client = door(service)
        with client.stream("GET", "/v1/books/export") as answer:
            next(answer.iter_raw())
        assert stopped.wait(10)


def test_a_large_export_passes_whole_in_constant_memory(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(2_000):
            yield CHUNK

    async def export(_: Request) -> StreamingResponse:
        return StreamingResponse(chunks())

    with served(Starlette(routes=[Route("/books/export", export)])) as service:
        client = door(service)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with client.stream("GET", "/v1/books/export") as answer:
            received = sum(len(part) for part in answer.iter_raw())
        grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert received == 2_000 * len(CHUNK)
    assert grown_kilobytes < 20_000
