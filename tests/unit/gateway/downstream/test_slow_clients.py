"""Clients that read slowly, or never: they lose their connection, and others keep theirs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import ADMIN, READER, RunningGateway, run_gateway, serve_app

from gateway.downstream.context import ConnectionLimits
from gateway.settings import Settings

IMPATIENT = ConnectionLimits(read_seconds=0.5)
CHUNK = b"x" * 65_536
MANY = 180
"""More requests than one caller's share of the 256 connections to a service."""


class LongResponses:
    """A service whose responses never end; `stopped` is set when one was cancelled."""

    def __init__(self, *, is_idle: bool) -> None:
        self._is_idle = is_idle
        self.stopped = Event()
        self.app = Starlette(routes=[Route("/short", self._respond), Route("/{path:path}", self._stream)])

    async def _respond(self, _: Request) -> Response:
        return JSONResponse({})

    async def _stream(self, request: Request) -> Response:
        if "short" in request.url.query:
            return JSONResponse({})

        async def endless() -> AsyncIterator[bytes]:
            try:
                yield CHUNK[:1]
                while True:
                    await (asyncio.Event().wait() if self._is_idle else asyncio.sleep(0))
                    yield CHUNK
            finally:
                self.stopped.set()

        return StreamingResponse(endless(), headers={"Cache-Control": "no-store"})


@contextmanager
def run_before(service: LongResponses, folder: Path, **more: object) -> Iterator[RunningGateway]:
    """A gateway in front of that service."""
    with serve_app(service.app) as address:
        settings = Settings(
            data=folder,
            books_api_urls=(address,),
            search_api_urls=(address,),
            bootstrap_admin_email=ADMIN["email"],
            bootstrap_admin_password=ADMIN["password"],
        )
        with run_gateway(settings.model_copy(update=more), IMPATIENT) as gate:
            yield gate


def create_token(gate: RunningGateway) -> str:
    answer = httpx.post(f"{gate.address}/v1/auth/register", json=READER, trust_env=False)
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("rounds", [1, 2])
def test_client_that_never_reads_is_disconnected_and_its_upstream_request_ends(
    tmp_path: Path, rounds: int
) -> None:
    service = LongResponses(is_idle=False)
    with run_before(service, tmp_path) as gate:
        for _ in range(rounds):  # by ASGI, then by the fast path
            service.stopped.clear()
            with gate.connect() as wire:
                wire.send(wire.build_get("/v1/search"))
                assert service.stopped.wait(20)


def test_client_that_reads_on_keeps_its_connection(tmp_path: Path) -> None:
    service = LongResponses(is_idle=False)
    with run_before(service, tmp_path) as gate, gate.connect() as wire:
        wire.send(wire.build_get("/v1/search"))
        wire.read_head()
        for _ in range(30):
            assert not service.stopped.wait(0.1)
            wire.read_exactly(200_000)


def test_one_callers_open_requests_leave_connections_for_others(tmp_path: Path) -> None:
    service = LongResponses(is_idle=True)
    with run_before(service, tmp_path) as gate, ExitStack() as stack:
        statuses = []
        for _ in range(MANY):
            wire = stack.enter_context(gate.connect())
            wire.send(wire.build_get("/v1/search"))
            statuses.append(wire.read_head()[0])
        assert statuses.count(429) > 0
        assert statuses == sorted(statuses)
        other = stack.enter_context(RawConnection(gate.address, create_token(gate)))
        other.send(other.build_get("/v1/search?short"))
        assert other.read_response().status == 200


def test_ended_requests_give_their_share_back(tmp_path: Path) -> None:
    service = LongResponses(is_idle=True)
    with run_before(service, tmp_path, gateway_exports_per_caller=1) as gate:
        for _ in range(3):
            service.stopped.clear()
            with gate.connect() as first, gate.connect() as second:
                first.send(first.build_get("/v1/books/export"))
                assert first.read_head()[0] == 200
                second.send(second.build_get("/v1/books/export"))
                refused = second.read_response()
                assert (refused.status, refused.headers["retry-after"]) == (429, "2")
            assert service.stopped.wait(20)


@pytest.mark.parametrize(
    ("prefix", "second_address", "status"),
    [(64, "2001:db8:0:1::9", 429), (64, "2001:db8:0:2::9", 200), (48, "2001:db8:0:2::9", 429)],
)
def test_exports_of_one_network_have_a_limit_over_all_callers(
    tmp_path: Path, prefix: int, second_address: str, status: int
) -> None:
    service = LongResponses(is_idle=True)
    settings = {"gateway_exports_per_address": 1, "gateway_ipv6_prefix": prefix}
    with (
        run_before(service, tmp_path, **settings, gateway_trusted_proxies=("127.0.0.1/32",)) as gate,
        gate.connect() as first,
        RawConnection(gate.address, create_token(gate)) as second,
    ):
        first.send(first.build_get("/v1/books/export", "X-Forwarded-For: 2001:db8:0:1::1"))
        assert first.read_head()[0] == 200
        second.send(second.build_get("/v1/books/export", f"X-Forwarded-For: {second_address}"))
        assert second.read_head()[0] == status


def test_idle_client_with_an_unread_response_is_disconnected(tmp_path: Path) -> None:
    service = LongResponses(is_idle=False)
    with run_before(service, tmp_path) as gate, gate.connect() as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        for _ in range(2_000):
            try:
                wire.send(wire.build_get("/v1/search?short") * 50)
            except (ConnectionError, TimeoutError):
                return
        pytest.fail("the gateway buffers responses without end")
