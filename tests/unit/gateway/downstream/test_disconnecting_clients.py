"""Hundreds of clients that disconnect at random points leave no requests or connections."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.gateway.rolling import wait_until
from tests.unit.gateway.downstream.test_streaming import UPGRADE, run_gateway_before
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import RunningGateway, serve_app

CLIENTS, AT_ONCE = 400, 16
RESET = struct.pack("ii", 1, 0)


async def yield_to_loop(number: int) -> None:
    """Of the event loop, for others."""
    for _ in range(number):
        await asyncio.sleep(0)


async def respond_randomly(request: Request) -> Response:
    mood = Random(request.url.query + request.method)
    with suppress(ClientDisconnect):
        await request.body()
    await yield_to_loop(mood.choice((0, 0, 5, 50)))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(mood.randint(1, 20)):
            yield b"x" * 5_000
            await yield_to_loop(mood.choice((0, 5)))

    if mood.random() < 0.4:
        return StreamingResponse(pieces(), headers={"Cache-Control": "max-age=1"})
    return JSONResponse({}, status_code=mood.choice((200, 200, 200, 404, 500)))


def build_random_request(wire: RawConnection, drawn: Random) -> bytes:
    path = f"/v1/books?n={drawn.randint(0, 30)}"
    return drawn.choice(
        (
            wire.build_get(path) * drawn.randint(1, 5),
            wire.build_get(path, "Cache-Control: no-cache"),
            wire.build_get(path)[:-4],
            wire.build_request("HEAD", path),
            wire.build_request("PUT", "/v1/books/x", "Content-Length: 9") + b"123456789",
            wire.build_request("PUT", "/v1/books/x", "Content-Length: 900000") + b"1" * 100_000,
            wire.build_request("PUT", "/v1/books/x", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
            wire.build_get("/v1/search", *UPGRADE) + b"early",
            b"\x00\xff\r\n\r\n",
        )
    )


def send_and_disconnect(gate: RunningGateway, number: int) -> None:
    drawn = Random(number)
    with gate.connect() as wire, suppress(OSError):
        for _ in range(drawn.randint(1, 4)):
            wire.send(build_random_request(wire, drawn))
        if drawn.random() < 0.5:
            wire.socket.settimeout(drawn.choice((0.001, 0.01, 0.1)))
            wire.socket.recv(drawn.choice((1, 100, 100_000)))
        if drawn.random() < 0.5:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def count_leftovers(gate: RunningGateway) -> dict[str, float]:
    """Requests under way at services, and connections but the one that asks."""
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    outstanding = {name: float(value) for name, value in samples.items() if "_upstream_outstanding" in name}
    return {**outstanding, "connections": float(samples["gateway_connections"]) - 1}


def test_disconnecting_clients_leave_no_requests_or_connections(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    app = Starlette(routes=[Route("/{path:path}", respond_randomly, methods=["GET", "HEAD", "PUT"])])
    with serve_app(app) as service, run_gateway_before(service, folder=tmp_path) as gate:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: send_and_disconnect(gate, number), range(CLIENTS)))
        wait_until(lambda: not any(count_leftovers(gate).values()))
        with gate.connect() as wire:
            wire.send(wire.build_get("/v1/books?n=1"))
            assert wire.read_response().status in (200, 404, 500)
    assert "request failed" not in capfd.readouterr().err
    assert [record for record in caplog.records if "Fatal error" in record.getMessage()] == []
