"""Streaming: long, slow or endless bodies, and WebSockets."""

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
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import ADMIN, RunningGateway, run_gateway, serve_app

from gateway.settings import Settings

CHUNK = b"x" * 65_536
CHUNKS = 16_384
"""1 GiB."""
ROOM_KILOBYTES = 40_000


@contextmanager
def run_gateway_before(*addresses: str, folder: Path) -> Iterator[RunningGateway]:
    """Runs a gateway in front of these addresses that accepts bodies of any length."""
    settings = Settings(
        data=folder,
        books_api_urls=addresses,
        search_api_urls=addresses,
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
        gateway_body_bytes=2_000_000_000,
        gateway_websocket_paths=("/v1/search",),
    )
    with run_gateway(settings) as gateway_server:
        yield gateway_server


def create_service(answer: "object") -> Starlette:
    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])])  # type: ignore[arg-type]


def measure_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("path", ["/v1/search", "/v1/books"])
def test_large_response_streams_in_constant_memory(tmp_path: Path, path: str) -> None:
    async def answer(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(CHUNKS):
                yield CHUNK

        return StreamingResponse(chunks(), headers={"Content-Length": str(CHUNKS * len(CHUNK))})

    with (
        serve_app(create_service(answer)) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        for _ in range(2):  # by ASGI, then by the fast path
            began = measure_kilobytes()
            wire.send(wire.build_get(path))
            status, headers = wire.read_head()
            left = int(headers["content-length"])
            while left:
                left -= len(wire.read_exactly(min(left, 262_144)))
            assert status == 200
            assert measure_kilobytes() - began < ROOM_KILOBYTES


def test_large_request_body_streams_in_constant_memory(tmp_path: Path) -> None:
    async def answer(request: Request) -> Response:
        count = 0
        async for chunk in request.stream():
            count += len(chunk)
        return JSONResponse({"count": count})

    with (
        serve_app(create_service(answer)) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        began = measure_kilobytes()
        wire.send(wire.build_request("PUT", "/v1/books/x", "Transfer-Encoding: chunked"))
        for _ in range(CHUNKS):
            wire.send(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
        wire.send(b"0\r\n\r\n")
        assert wire.read_response().body == b'{"count":%d}' % (CHUNKS * len(CHUNK))
        assert measure_kilobytes() - began < ROOM_KILOBYTES


@pytest.mark.parametrize("rounds", [1, 2])
def test_slow_client_applies_backpressure_to_the_service(tmp_path: Path, rounds: int) -> None:
    sent = 0

    async def answer(_: Request) -> Response:
        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                yield CHUNK
                sent += len(CHUNK)
                await asyncio.sleep(0)

        return StreamingResponse(endless()) if rounds == len(requests) else JSONResponse({})

    requests: list[int] = []
    with (
        serve_app(create_service(answer)) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        for _ in range(rounds):  # the second takes the fast path
            requests.append(1)
            wire.send(wire.build_get("/v1/search"))
            wire.read_head()
        before_pause = -1
        for _ in range(100):
            if sent == before_pause:
                break
            before_pause = sent
            Event().wait(0.1)
        assert before_pause == sent
        assert sent < 50_000_000


def test_server_sent_events_are_forwarded_immediately(tmp_path: Path) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(_: Request) -> Response:
        loops.append(asyncio.get_running_loop())

        async def events() -> AsyncIterator[bytes]:
            for n, gate in enumerate(gates):
                yield b"data: %d\n\n" % n
                await gate.wait()

        return StreamingResponse(events(), media_type="text/event-stream")

    with (
        serve_app(create_service(answer)) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        wire.send(wire.build_get("/v1/books"))
        for n, step in enumerate(gates):
            assert b"data: %d\n\n" % n in wire.read_until(b"\n\n")
            loops[0].call_soon_threadsafe(step.set)
        wire.read_until(b"0\r\n\r\n")


@contextmanager
def serve_echo(greeting: bytes) -> Iterator[str]:
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


def test_websocket_tunnels_bytes_both_ways(tmp_path: Path) -> None:
    with (
        serve_echo(SWITCHED + b"hello") as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        wire.send(wire.build_get("/v1/search", *UPGRADE) + b"early")
        status, headers = wire.read_head()
        assert (status, headers["upgrade"], headers["connection"]) == (101, "websocket", "upgrade")
        assert sorted(wire.read_exactly(10)) == sorted(b"helloEARLY")
        for size in (1, 1_000, 1_000_000):
            sending = Thread(target=wire.send, args=(b"a" * size,))
            sending.start()
            assert wire.read_exactly(size) == b"A" * size
            sending.join()


def test_websocket_requires_a_token(tmp_path: Path) -> None:
    with (
        serve_echo(SWITCHED) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        RawConnection(gate.address, "no token") as wire,
    ):
        wire.send(wire.build_get("/v1/search", *UPGRADE))
        assert wire.read_response().status == 401
        assert wire.read_to_end() == b""


def test_refused_websocket_upgrade_returns_the_services_response(tmp_path: Path) -> None:
    no = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
    with (
        serve_echo(no) as service,
        run_gateway_before(service, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        wire.send(wire.build_get("/v1/search", *UPGRADE))
        answer = wire.read_response()
        assert (answer.status, answer.body) == (400, b"no")
        assert wire.read_to_end() == b""


def test_client_disconnect_before_the_upgrade_closes_the_upstream_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with run_gateway_before(address, folder=tmp_path) as gate:
            with gate.connect() as wire:
                wire.send(wire.build_get("/v1/search", *UPGRADE))
                service, _ = listener.accept()
            with service:
                service.settimeout(10)
                while service.recv(65_536):
                    pass


@pytest.mark.parametrize("rounds", [1, 2])
def test_client_disconnect_during_a_stream_cancels_the_upstream_request(tmp_path: Path, rounds: int) -> None:
    stopped = Event()
    requests: list[int] = []

    async def answer(_: Request) -> Response:
        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield CHUNK
                    await asyncio.sleep(0)
            finally:
                stopped.set()

        return StreamingResponse(endless()) if rounds == len(requests) else JSONResponse({})

    with serve_app(create_service(answer)) as service, run_gateway_before(service, folder=tmp_path) as gate:
        with gate.connect() as wire:
            for _ in range(rounds):
                requests.append(1)
                wire.send(wire.build_get("/v1/search"))
                wire.read_head()
            wire.read_exactly(100)
        assert stopped.wait(10)


def test_disconnect_with_pipelined_requests_cancels_the_upstream_request(tmp_path: Path) -> None:
    stopped = Event()

    async def answer(_: Request) -> Response:
        async def beginning() -> AsyncIterator[bytes]:
            try:
                yield CHUNK
                await asyncio.Event().wait()
            finally:
                stopped.set()

        return StreamingResponse(beginning())

    with serve_app(create_service(answer)) as service, run_gateway_before(service, folder=tmp_path) as gate:
        with gate.connect() as wire:
            wire.send(wire.build_request("PUT", "/v1/books/x", "Content-Length: 0") * 2)
            wire.read_head()
            wire.read_exactly(100)
        assert stopped.wait(10)


def test_one_failing_address_of_three_fails_no_read(tmp_path: Path) -> None:
    async def well(_: Request) -> Response:
        return JSONResponse({})

    async def ill(_: Request) -> Response:
        return JSONResponse({}, 503)

    with (
        serve_app(create_service(well)) as one,
        serve_app(create_service(well)) as two,
        serve_app(create_service(ill)) as three,
        run_gateway_before(three, one, two, folder=tmp_path) as gate,
        gate.connect() as wire,
    ):
        for n in range(300):
            wire.send(wire.build_get(f"/v1/search?n={n}"))
            assert wire.read_response().status == 200
