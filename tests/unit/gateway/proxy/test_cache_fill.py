"""One fill for everybody who waits, whoever leaves, and never one that a change has overtaken."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.unit.gateway.downstream.test_streaming import before
from tests.unit.gateway.raw import Wire
from tests.unit.gateway.servers import served

PATH = "/v1/books?limit=1"


class Slow:
    """A service whose reads wait until the test lets them go on; writes answer at once."""

    def __init__(self, **headers: str) -> None:
        self.asked: list[str] = []
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
        number = len(self.asked)
        self.asked.append(request.method)
        self.arrived.set()
        await self._go.wait()
        return JSONResponse({"number": number}, headers=self.headers)

    def go_on(self) -> None:
        self._loops[0].call_soon_threadsafe(self._go.set)


def warm(wire: Wire) -> None:
    """The gateway knows the caller from here on, so that reads take the fast lane."""
    wire.send(wire.request("PUT", "/v1/books/none", "Content-Length: 0"))
    assert wire.answer().status == 200


def numbers(*wires: Wire) -> list[bytes]:
    return [wire.answer().body for wire in wires]


@pytest.mark.parametrize("more", [(), ("Content-Length: 0",)])
def test_clients_that_ask_at_once_share_one_fill(tmp_path: Path, more: tuple[str, ...]) -> None:
    slow = Slow()
    with served(slow.app) as service, before(service, folder=tmp_path) as gate:
        wires = [gate.wire() for _ in range(8)]
        warm(wires[0])
        for wire in wires:
            wire.send(wire.get(PATH, *more))
        assert slow.arrived.wait(10)
        slow.go_on()
        assert numbers(*wires) == [b'{"number":0}'] * 8
        for wire in wires:
            wire.socket.close()
    assert len(slow.asked) == 1


def test_a_fill_goes_on_when_the_client_that_began_it_leaves(tmp_path: Path) -> None:
    slow = Slow()
    with served(slow.app) as service, before(service, folder=tmp_path) as gate, gate.wire() as second:
        first = gate.wire()
        warm(first)
        first.send(first.get(PATH))
        assert slow.arrived.wait(10)
        second.send(second.get(PATH))
        first.socket.close()
        slow.go_on()
        assert numbers(second) == [b'{"number":0}']
    assert len(slow.asked) == 1


def test_an_answer_that_was_on_its_way_during_a_change_is_given_to_nobody_who_asked_later(
    tmp_path: Path,
) -> None:
    slow = Slow()
    with (
        served(slow.app) as service,
        before(service, folder=tmp_path) as gate,
        gate.wire() as early,
        gate.wire() as late,
    ):
        warm(early)
        early.send(early.get(PATH))
        assert slow.arrived.wait(10)
        late.send(late.request("PUT", "/v1/books/x", "Content-Length: 0"))
        assert late.answer().status == 200
        slow.arrived.clear()
        late.send(late.get(PATH))
        assert slow.arrived.wait(10)
        slow.go_on()
        assert numbers(early, late) == [b'{"number":0}', b'{"number":1}']
        late.send(late.get(PATH))
        assert numbers(late) == [b'{"number":1}']
    assert len(slow.asked) == 2


def test_an_answer_that_is_private_is_shared_with_nobody(tmp_path: Path) -> None:
    slow = Slow(cache_control="private")
    with (
        served(slow.app) as service,
        before(service, folder=tmp_path) as gate,
        gate.wire() as one,
        gate.wire() as two,
    ):
        warm(one)
        one.send(one.get(PATH))
        assert slow.arrived.wait(10)
        two.send(two.get(PATH))
        warm_third = gate.wire()
        warm(warm_third)  # by now both wait
        slow.go_on()
        assert sorted(numbers(one, two)) == [b'{"number":0}', b'{"number":1}']
        warm_third.socket.close()


def test_waiting_clients_get_a_large_answer_while_it_comes(tmp_path: Path) -> None:
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
        served(app) as service,
        before(service, folder=tmp_path) as gate,
        gate.wire() as one,
        gate.wire() as two,
    ):
        one.send(one.get(PATH))
        one.until(b"aaaa")
        two.send(two.get(PATH))
        two.until(b"aaaa")
        loops[0].call_soon_threadsafe(gate_event.set)
        for wire in (one, two):
            wire.until(b"0\r\n\r\n")
        one.send(one.get(PATH))
        again = one.answer()
        assert (len(again.body), again.headers["cache-status"][:16]) == (400_000, "bookstream; hit;")
    assert len(loops) == 1
