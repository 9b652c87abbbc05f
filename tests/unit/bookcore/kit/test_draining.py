"""A server that is told to stop: what is on its way to it then is answered, and told to turn elsewhere."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Thread

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bookcore.kit.draining import DrainingServer
from bookcore.kit.listener import bind

POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"


async def say(request: Request) -> PlainTextResponse:
    return PlainTextResponse((await request.body()).decode())


@dataclass(frozen=True)
class Running:
    server: DrainingServer
    thread: Thread
    place: tuple[str, int]

    def dial(self) -> socket.socket:
        return socket.create_connection(self.place, timeout=10)


@contextmanager
def running() -> Iterator[Running]:
    app = Starlette(routes=[Route("/", say, methods=["POST"])])
    server = DrainingServer(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=5))
    listener = bind("127.0.0.1", 0)
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield Running(server, thread, listener.getsockname())
    finally:
        server.should_exit = True
        thread.join()


def ask(wire: socket.socket) -> bytes:
    """The answer to a write, its end included."""
    wire.sendall(POST)
    answer = b""
    while not answer.endswith(b"\r\n\r\nhi"):
        more = wire.recv(65_536)
        assert more, "closed without an answer"
        answer += more
    return answer.lower()


def ask_until_told_to_leave(wire: socket.socket) -> int:
    """How many answers came before the last."""
    for count in range(100_000):
        if b"\r\nconnection: close\r\n" in ask(wire):
            return count
    raise AssertionError("never told to leave")


@pytest.mark.parametrize("asks_before", [0, 1])
def test_a_draining_server_answers_writes_on_old_and_new_connections(asks_before: int) -> None:
    with running() as here, here.dial() as busy, here.dial() as quiet:
        for _ in range(asks_before):
            ask(quiet)
        here.server.should_exit = True
        ask_until_told_to_leave(busy)
        assert b"\r\nconnection: close\r\n" in ask(quiet)
        with here.dial() as new:
            assert b"\r\nconnection: close\r\n" in ask(new)
            assert new.recv(1) == b""


def test_a_server_without_connections_stops_at_once() -> None:
    with running() as here:
        with closing(here.dial()) as wire:
            ask(wire)
        here.server.should_exit = True
        here.thread.join(0.8)
        assert not here.thread.is_alive()


def test_a_silent_connection_holds_a_server_up_for_a_second_only() -> None:
    with running() as here, here.dial() as silent:
        here.server.should_exit = True
        here.thread.join(4)
        assert not here.thread.is_alive()
        assert silent.recv(1) == b""
