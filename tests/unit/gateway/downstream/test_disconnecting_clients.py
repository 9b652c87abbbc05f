"""Hundreds of clients who ask anything, read a part of it or nothing, and leave: nothing is left of them."""

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
from tests.gateway.rolling import until
from tests.unit.gateway.downstream.test_streaming import UPGRADE, before
from tests.unit.gateway.raw import Wire
from tests.unit.gateway.servers import Gateway, served

CLIENTS, AT_ONCE = 400, 16
RESET = struct.pack("ii", 1, 0)


async def turns(number: int) -> None:
    """Of the event loop, for others."""
    for _ in range(number):
        await asyncio.sleep(0)


async def moody(request: Request) -> Response:
    mood = Random(request.url.query + request.method)
    with suppress(ClientDisconnect):
        await request.body()
    await turns(mood.choice((0, 0, 5, 50)))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(mood.randint(1, 20)):
            yield b"x" * 5_000
            await turns(mood.choice((0, 5)))

    if mood.random() < 0.4:
        return StreamingResponse(pieces(), headers={"Cache-Control": "max-age=1"})
    return JSONResponse({}, status_code=mood.choice((200, 200, 200, 404, 500)))


def asked(wire: Wire, drawn: Random) -> bytes:
    path = f"/v1/books?n={drawn.randint(0, 30)}"
    return drawn.choice(
        (
            wire.get(path) * drawn.randint(1, 5),
            wire.get(path, "Cache-Control: no-cache"),
            wire.get(path)[:-4],
            wire.request("HEAD", path),
            wire.request("PUT", "/v1/books/x", "Content-Length: 9") + b"123456789",
            wire.request("PUT", "/v1/books/x", "Content-Length: 900000") + b"1" * 100_000,
            wire.request("PUT", "/v1/books/x", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
            wire.get("/v1/search", *UPGRADE) + b"early",
            b"\x00\xff\r\n\r\n",
        )
    )


def come_and_go(gate: Gateway, number: int) -> None:
    drawn = Random(number)
    with gate.wire() as wire, suppress(OSError):
        for _ in range(drawn.randint(1, 4)):
            wire.send(asked(wire, drawn))
        if drawn.random() < 0.5:
            wire.socket.settimeout(drawn.choice((0.001, 0.01, 0.1)))
            wire.socket.recv(drawn.choice((1, 100, 100_000)))
        if drawn.random() < 0.5:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def left_over(gate: Gateway) -> dict[str, float]:
    """Requests under way at services, and connections but the one that asks."""
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    found = {name: float(value) for name, value in told.items() if "_upstream_outstanding" in name}
    return {**found, "connections": float(told["gateway_connections"]) - 1}


def test_nothing_is_left_of_clients_who_leave(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    app = Starlette(routes=[Route("/{path:path}", moody, methods=["GET", "HEAD", "PUT"])])
    with served(app) as service, before(service, folder=tmp_path) as gate:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: come_and_go(gate, number), range(CLIENTS)))
        until(lambda: not any(left_over(gate).values()))
        with gate.wire() as wire:
            wire.send(wire.get("/v1/books?n=1"))
            assert wire.answer().status in (200, 404, 500)
    assert "request failed" not in capfd.readouterr().err
    assert [record for record in caplog.records if "Fatal error" in record.getMessage()] == []
