"""A gateway of one process is replaced by a new one on its port, under load, and no request fails."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.gateway.rolling import Program, run_under_load, wait_until
from tests.unit.gateway.servers import ADMIN, serve_app

from bookcore.domain.errors import Unavailable
from bookcore.kit.listener import bind
from gateway.takeover import join_port, take_over


async def answer(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"path": request.url.path})


APP = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Program]:
    with serve_app(APP) as service:
        told = {
            "BOOKSTREAM_DATA": str(tmp_path),
            "BOOKSTREAM_BOOKS_API_URLS": service,
            "BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL": ADMIN["email"],
            "BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
            "BOOKSTREAM_GATEWAY_REQUESTS_PER_MINUTE": "10000000",
            "BOOKSTREAM_GATEWAY_ACCESS_LOG": "false",
        }
        program = Program("gateway", "BOOKSTREAM_GATEWAY_PORT", told)
        program.start()
        yield program
        program.stop()


def read_book(client: httpx.Client, n: int) -> httpx.Response:
    return client.get("/v1/books")


def write_book(client: httpx.Client, n: int) -> httpx.Response:
    return client.put(f"/v1/books/{n}", json={})


def read_uncached(client: httpx.Client, n: int) -> httpx.Response:
    """Each time by a connection of its own."""
    return client.get("/v1/books", headers={"Connection": "close"})


def test_port_takeover_loses_no_request(gateway: Program) -> None:
    with run_under_load(
        gateway.address, [read_book], [read_book, write_book], [write_book], *[[read_uncached]] * 4
    ) as loads:
        for n in range(3):
            old = gateway.process
            assert old is not None
            new = gateway.start(BOOKSTREAM_GATEWAY_TAKES_OVER="true", BOOKSTREAM_GATEWAY_INSTANCE=f"i{n}")
            wait_until(partial(listen_on, new.pid, gateway.port))
            loads.list_answered(more=20)
            old.send_signal(signal.SIGTERM)
            assert old.wait(30) == 0
            loads.list_answered(more=20)
    assert loads.list_failed == []


def listen_on(pid: int, port: int) -> bool:
    """Whether the process has a listening socket of the port."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]
    mine = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            mine.add(str(link.readlink()))
    return any(
        row[1].endswith(f":{port:04X}") and row[3] == "0A" and f"socket:[{row[9]}]" in mine for row in rows
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_new_connections_go_to_the_newest_listener_also_after_the_old_one_closes(host: str) -> None:
    def waiting(listener: socket.socket) -> int:
        for _ in range(30):
            socket.create_connection((host, port)).close()
        count = 0
        listener.settimeout(0)
        try:
            while True:
                listener.accept()[0].close()
                count += 1
        except BlockingIOError:
            return count

    with bind(host, 0, shared=True) as old:
        port = old.getsockname()[1]
        with join_port(host, port) as new:
            new.listen()
            take_over(new)
            assert waiting(new) == 30
            old.close()
            assert waiting(new) == 30
            with join_port(host, port) as newest:
                newest.listen()
                take_over(newest)
                assert waiting(newest) == 30


def test_port_of_another_program_is_not_taken_over() -> None:
    with bind("127.0.0.1", 0) as stranger, pytest.raises(Unavailable, match="cannot take over"):
        join_port(*stranger.getsockname())


def test_port_is_not_shared_without_takeover(gateway: Program) -> None:
    told = {**os.environ, **gateway.environment, gateway.variable: str(gateway.port)}
    second = subprocess.run(
        [sys.executable, "-m", "gateway"], env=told, capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{gateway.port}" in second.stderr
