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
from tests.unit.gateway.servers import OpenGateway, find_unused_address, serve_app, serve_raw_response

CHUNK = b"x" * 65_536
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\n\r\nonly this"
CUT_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def create_named_service(name: str) -> Starlette:
    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"name": name, "method": request.method})

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])])


def test_unreachable_service_returns_503_with_retry_after(door: OpenGateway) -> None:
    answer = door(find_unused_address()).get("/v1/books")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"] == "2"


def test_disconnecting_or_invalid_service_is_a_bad_gateway(door: OpenGateway) -> None:
    with serve_raw_response(b"") as silent, serve_raw_response(b"SMTP ready\r\n\r\n") as nonsense:
        for address in (silent, nonsense):
            answer = door(address).get("/v1/books")
            assert (answer.status_code, answer.json()["type"]) == (502, "/problems/bad-gateway")


def test_silent_service_is_a_gateway_timeout(door: OpenGateway) -> None:
    async def never(_: Request) -> JSONResponse:
        await asyncio.Event().wait()
        return JSONResponse({})

    with serve_app(Starlette(routes=[Route("/books", never)])) as slow:
        answer = door(slow, read_seconds=0.2).get("/v1/books")
    assert (answer.status_code, answer.json()["type"]) == (504, "/problems/timeout")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_request_is_retried_at_another_address_when_connecting_fails(door: OpenGateway, method: str) -> None:
    with serve_app(create_named_service("alive")) as alive:
        client = door(find_unused_address(), alive)
        answers = [client.request(method, f"/v1/books/{n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 6


def test_reads_are_retried_after_a_disconnect_and_writes_are_not(door: OpenGateway) -> None:
    with serve_raw_response(b"") as broken, serve_app(create_named_service("alive")) as alive:
        assert door(broken, alive).get("/v1/books").json()["name"] == "alive"
        assert door(broken, alive).put("/v1/books/x").status_code == 502


def test_requests_are_balanced_over_the_addresses(door: OpenGateway) -> None:
    with serve_app(create_named_service("one")) as one, serve_app(create_named_service("two")) as two:
        client = door(one, two)
        names = [client.get(f"/v1/books/{n}").json()["name"] for n in range(10)]
    assert (names.count("one"), names.count("two")) == (5, 5)


@pytest.mark.parametrize("cut", [SHORT, CUT_CHUNKS])
def test_truncated_response_aborts_the_client_connection(door: OpenGateway, cut: bytes) -> None:
    with serve_raw_response(cut) as broken:
        client = door(broken)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/v1/books/export")


def test_response_truncated_before_forwarding_is_a_bad_gateway(door: OpenGateway) -> None:
    with serve_raw_response(SHORT) as broken:
        assert door(broken).get("/v1/books").status_code == 502


def test_client_disconnect_cancels_the_upstream_request(door: OpenGateway) -> None:
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

    with serve_app(Starlette(routes=[Route("/books/export", export)])) as service:
        client = door(service)
        with client.stream("GET", "/v1/books/export") as answer:
            next(answer.iter_raw())
        assert stopped.wait(10)


def test_large_export_streams_completely_in_constant_memory(door: OpenGateway) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(2_000):
            yield CHUNK

    async def export(_: Request) -> StreamingResponse:
        return StreamingResponse(chunks())

    with serve_app(Starlette(routes=[Route("/books/export", export)])) as service:
        client = door(service)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with client.stream("GET", "/v1/books/export") as answer:
            received = sum(len(part) for part in answer.iter_raw())
        grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert received == 2_000 * len(CHUNK)
    assert grown_kilobytes < 20_000
