"""Bodies that are long, slow or endless, and connections that turn into something else."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.unit.gateway.raw import Wire
from tests.unit.gateway.servers import ADMIN, Gateway, gateway, served

from gateway.settings import Settings

CHUNK = b"x" * 65_536
CHUNKS = 16_384
"""1 GiB."""
ROOM_KILOBYTES = 40_000


@contextmanager
def before(*addresses: str, folder: Path) -> Iterator[Gateway]:
    """A gateway in front of these, that takes bodies of any length."""
    settings = Settings(
        data=folder,
        books_api_urls=addresses,
        search_api_urls=addresses,
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
        gateway_body_bytes=2_000_000_000,
    )
    with gateway(settings) as found:
        yield found


def only(answer: "object") -> Starlette:
    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])])  # type: ignore[arg-type]


def kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("path", ["/v1/search", "/v1/books"])
def test_a_large_answer_passes_in_constant_memory(tmp_path: Path, path: str) -> None:
    async def answer(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(CHUNKS):
                yield CHUNK

        return StreamingResponse(chunks(), headers={"Content-Length": str(CHUNKS * len(CHUNK))})

    with served(only(answer)) as service, before(service, folder=tmp_path) as gate, gate.wire() as wire:
        for _ in range(2):  # by the slow lane, then by the fast one
            began = kilobytes()
            wire.send(wire.get(path))
            status, headers = wire.head()
            left = int(headers["content-length"])
            while left:
                left -= len(wire.take(min(left, 262_144)))
            assert status == 200
            assert kilobytes() - began < ROOM_KILOBYTES


def test_a_large_body_passes_to_a_service_in_constant_memory(tmp_path: Path) -> None:
    async def answer(request: Request) -> Response:
        count = 0
        async for chunk in request.stream():
            count += len(chunk)
        return JSONResponse({"count": count})

    with served(only(answer)) as service, before(service, folder=tmp_path) as gate, gate.wire() as wire:
        began = kilobytes()
        wire.send(wire.request("PUT", "/v1/books/x", "Transfer-Encoding: chunked"))
        for _ in range(CHUNKS):
            wire.send(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
        wire.send(b"0\r\n\r\n")
        assert wire.answer().body == b'{"count":%d}' % (CHUNKS * len(CHUNK))
        assert kilobytes() - began < ROOM_KILOBYTES


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_client_that_reads_nothing_holds_the_service_back(tmp_path: Path, rounds: int) -> None:
    sent = 0

    async def answer(_: Request) -> Response:
        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                yield CHUNK
                sent += len(CHUNK)
                await asyncio.sleep(0)

        return StreamingResponse(endless()) if rounds == len(asked) else JSONResponse({})

    asked: list[int] = []
    with served(only(answer)) as service, before(service, folder=tmp_path) as gate, gate.wire() as wire:
        for _ in range(rounds):  # the second takes the fast lane
            asked.append(1)
            wire.send(wire.get("/v1/search"))
            wire.head()
        before_pause = -1
        for _ in range(100):
            if sent == before_pause:
                break
            before_pause = sent
            Event().wait(0.1)
        assert before_pause == sent
        assert sent < 50_000_000


def test_an_event_goes_out_when_it_happens(tmp_path: Path) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(_: Request) -> Response:
        loops.append(asyncio.get_running_loop())

        async def events() -> AsyncIterator[bytes]:
            for n, gate in enumerate(gates):
                yield b"data: %d\n\n" % n
                await gate.wait()

        return StreamingResponse(events(), media_type="text/event-stream")

    with served(only(answer)) as service, before(service, folder=tmp_path) as gate, gate.wire() as wire:
        wire.send(wire.get("/v1/books"))
        for n, step in enumerate(gates):
            assert b"data: %d\n\n" % n in wire.until(b"\n\n")
            loops[0].call_soon_threadsafe(step.set)
        wire.until(b"0\r\n\r\n")


@contextmanager
def echoing(greeting: bytes) -> Iterator[str]:
    """The address of a server that answers a head with this and sends what follows back in capitals."""
    listener = socket.create_server(("127.0.0.1", 0))
    heads: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65_536)
                head, _, rest = data.partition(b"\r\n\r\n")
                heads.append(head)
                connection.sendall(greeting + rest.upper())
                while data := connection.recv(65_536):
                    connection.sendall(data.upper())

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def test_a_websocket_is_a_tunnel_both_ways(tmp_path: Path) -> None:
    with (
        echoing(SWITCHED + b"hello") as service,
        before(service, folder=tmp_path) as gate,
        gate.wire() as wire,
    ):
        wire.send(wire.get("/v1/search", *UPGRADE) + b"early")
        status, headers = wire.head()
        assert (status, headers["upgrade"], headers["connection"]) == (101, "websocket", "upgrade")
        assert sorted(wire.take(10)) == sorted(b"helloEARLY")
        for size in (1, 1_000, 1_000_000):
            sending = Thread(target=wire.send, args=(b"a" * size,))
            sending.start()
            assert wire.take(size) == b"A" * size
            sending.join()


def test_a_websocket_needs_a_token(tmp_path: Path) -> None:
    with (
        echoing(SWITCHED) as service,
        before(service, folder=tmp_path) as gate,
        Wire(gate.address, "no token") as wire,
    ):
        wire.send(wire.get("/v1/search", *UPGRADE))
        assert wire.answer().status == 401
        assert wire.rest() == b""


def test_a_service_that_wants_no_websocket_answers_as_always(tmp_path: Path) -> None:
    no = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
    with echoing(no) as service, before(service, folder=tmp_path) as gate, gate.wire() as wire:
        wire.send(wire.get("/v1/search", *UPGRADE))
        answer = wire.answer()
        assert (answer.status, answer.body) == (400, b"no")
        assert wire.rest() == b""


def test_who_leaves_before_the_service_has_agreed_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with before(address, folder=tmp_path) as gate:
            with gate.wire() as wire:
                wire.send(wire.get("/v1/search", *UPGRADE))
                service, _ = listener.accept()
            with service:
                service.settimeout(10)
                while service.recv(65_536):
                    pass


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_client_that_leaves_a_stream_stops_the_service(tmp_path: Path, rounds: int) -> None:
    stopped = Event()
    asked: list[int] = []

    async def answer(_: Request) -> Response:
        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield CHUNK
                    await asyncio.sleep(0)
            finally:
                stopped.set()

        return StreamingResponse(endless()) if rounds == len(asked) else JSONResponse({})

    with served(only(answer)) as service, before(service, folder=tmp_path) as gate:
        with gate.wire() as wire:
            for _ in range(rounds):
                asked.append(1)
                wire.send(wire.get("/v1/search"))
                wire.head()
            wire.take(100)
        assert stopped.wait(10)


def test_a_client_that_asks_twice_and_leaves_amid_the_first_answer_stops_the_service(tmp_path: Path) -> None:
    stopped = Event()

    async def answer(_: Request) -> Response:
        async def beginning() -> AsyncIterator[bytes]:
            try:
                yield CHUNK
                await asyncio.Event().wait()
            finally:
                stopped.set()

        return StreamingResponse(beginning())

    with served(only(answer)) as service, before(service, folder=tmp_path) as gate:
        with gate.wire() as wire:
            wire.send(wire.request("PUT", "/v1/books/x", "Content-Length: 0") * 2)
            wire.head()
            wire.take(100)
        assert stopped.wait(10)


def test_one_failing_service_of_three_costs_no_read(tmp_path: Path) -> None:
    async def well(_: Request) -> Response:
        return JSONResponse({})

    async def ill(_: Request) -> Response:
        return JSONResponse({}, 503)

    with (
        served(only(well)) as one,
        served(only(well)) as two,
        served(only(ill)) as three,
        before(three, one, two, folder=tmp_path) as gate,
        gate.wire() as wire,
    ):
        for n in range(300):
            wire.send(wire.get(f"/v1/search?n={n}"))
            assert wire.answer().status == 200
