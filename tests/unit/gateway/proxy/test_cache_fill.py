"""Cache fills: shared by all waiting clients, independent of disconnects, never older than a purge."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.unit.gateway.downstream.test_streaming import run_gateway_before
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import serve_app

PATH = "/v1/books?limit=1"


class BlockedService:
    """A service whose reads block until the test releases them; writes respond at once."""

    def __init__(self, **headers: str) -> None:
        self.methods: list[str] = []
        self.arrived = Event()
        self._loops: list[asyncio.AbstractEventLoop] = []
        self._go = asyncio.Event()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        routes = [Route("/{path:path}", self._answer, methods=["GET", "PUT"])]
        self.app = Starlette(routes=routes)

    async def _answer(self, request: Request) -> Response:
        if request.method == "PUT":
            return JSONResponse({})
        self._loops.append(asyncio.get_running_loop())
        number = len(self.methods)
        self.methods.append(request.method)
        self.arrived.set()
        await self._go.wait()
        return JSONResponse({"number": number}, headers=self.headers)

    def release(self) -> None:
        self._loops[0].call_soon_threadsafe(self._go.set)


def log_in_on(wire: RawConnection) -> None:
    """The caller is cached from here on, so reads take the fast path."""
    wire.send(wire.build_request("PUT", "/v1/books/none", "Content-Length: 0"))
    assert wire.read_response().status == 200


def read_numbers(*wires: RawConnection) -> list[bytes]:
    return [wire.read_response().body for wire in wires]


@pytest.mark.parametrize("more", [(), ("Content-Length: 0",)])
def test_concurrent_clients_share_one_cache_fill(tmp_path: Path, more: tuple[str, ...]) -> None:
    slow = BlockedService()
    with serve_app(slow.app) as service, run_gateway_before(service, folder=tmp_path) as gate:
        wires = [gate.connect() for _ in range(8)]
        log_in_on(wires[0])
        for wire in wires:
            wire.send(wire.build_get(PATH, *more))
        assert slow.arrived.wait(10)
        slow.release()
        assert read_numbers(*wires) == [b'{"number":0}'] * 8
        for wire in wires:
            wire.socket.close()
    assert len(slow.methods) == 1


def test_cache_fill_continues_after_its_first_client_disconnects(tmp_path: Path) -> None:
    slow = BlockedService()
    with (
        serve_app(slow.app) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as second,
    ):
        first = gate.connect()
        log_in_on(first)
        first.send(first.build_get(PATH))
        assert slow.arrived.wait(10)
        second.send(second.build_get(PATH))
        first.socket.close()
        slow.release()
        assert read_numbers(second) == [b'{"number":0}']
    assert len(slow.methods) == 1


def test_response_in_flight_during_a_purge_is_not_served_to_later_requests(
    tmp_path: Path,
) -> None:
    slow = BlockedService()
    with (
        serve_app(slow.app) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as early,
        gate.connect() as late,
    ):
        log_in_on(early)
        early.send(early.build_get(PATH))
        assert slow.arrived.wait(10)
        late.send(late.build_request("PUT", "/v1/books/x", "Content-Length: 0"))
        assert late.read_response().status == 200
        slow.arrived.clear()
        late.send(late.build_get(PATH))
        assert slow.arrived.wait(10)
        slow.release()
        assert read_numbers(early, late) == [b'{"number":0}', b'{"number":1}']
        late.send(late.build_get(PATH))
        assert read_numbers(late) == [b'{"number":1}']
    assert len(slow.methods) == 2


def test_private_response_is_not_shared_between_waiting_clients(tmp_path: Path) -> None:
    slow = BlockedService(cache_control="private")
    with (
        serve_app(slow.app) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as one,
        gate.connect() as two,
    ):
        log_in_on(one)
        one.send(one.build_get(PATH))
        assert slow.arrived.wait(10)
        two.send(two.build_get(PATH))
        warm_third = gate.connect()
        log_in_on(warm_third)  # by now both wait
        slow.release()
        assert sorted(read_numbers(one, two)) == [b'{"number":0}', b'{"number":1}']
        warm_third.socket.close()


def test_waiting_clients_receive_a_large_response_while_it_streams(tmp_path: Path) -> None:
    gate_event = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(_: Request) -> Response:
        loops.append(asyncio.get_running_loop())

        async def parts() -> AsyncIterator[bytes]:
            yield b"a" * 200_000
            await gate_event.wait()
            yield b"b" * 200_000

        return StreamingResponse(parts())

    app = Starlette(routes=[Route("/{path:path}", answer)])
    with (
        serve_app(app) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as one,
        gate.connect() as two,
    ):
        one.send(one.build_get(PATH))
        one.read_until(b"aaaa")
        two.send(two.build_get(PATH))
        two.read_until(b"aaaa")
        loops[0].call_soon_threadsafe(gate_event.set)
        for wire in (one, two):
            wire.read_until(b"0\r\n\r\n")
        one.send(one.build_get(PATH))
        again = one.read_response()
        assert (len(again.body), again.headers["cache-status"][:16]) == (400_000, "bookstream; hit;")
    assert len(loops) == 1
