"""The gateway and its services as real servers on loopback, for tests that need sockets."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from tests.unit.gateway.raw import RawConnection

from bookcore.kit.auth import HEADER, InternalTokens
from bookcore.kit.listener import bind
from gateway.app import create_app
from gateway.downstream.context import ConnectionLimits
from gateway.downstream.server import GatewayServer, build_config
from gateway.settings import Settings

ADMIN = {"email": "admin@example.org", "password": "a password of the admin"}
WITHIN = 60.0
"""Seconds for a response on a machine that is busy with other tests."""
READER = {"email": "reader@example.org", "password": "a password of a reader"}


class StubServices:
    """books-api and search-api in one: records requests and responds by the test's `respond`."""

    def __init__(self, secret: str) -> None:
        self._tokens = InternalTokens(secret)
        self.requests: list[Request] = []
        self.respond: Callable[[Request], Response] = lambda request: JSONResponse({"path": request.url.path})
        anything = Route(
            "/{path:path}", self._take, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        )
        self.app = Starlette(routes=[anything])

    async def _take(self, request: Request) -> Response:
        await request.body()
        self.requests.append(request)
        return self.respond(request)

    @property
    def last_request(self) -> Request:
        return self.requests[-1]

    def read_last_role(self) -> str:
        return self._tokens.verify(self.last_request.headers[HEADER]).role.value


@contextmanager
def run_server(server: uvicorn.Server) -> Iterator[str]:
    """Runs a server in a thread; yields its address."""
    listener = bind("127.0.0.1", 0)
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def create_server(app: FastAPI) -> GatewayServer:
    """The gateway's own server."""
    return GatewayServer(build_config(app), on_started=lambda _: None)


@contextmanager
def serve_app(app: ASGIApp) -> Iterator[str]:
    """Runs an app on a plain server; yields its address."""
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
    with run_server(uvicorn.Server(config)) as address:
        yield address


def log_in(client: TestClient, path: str, credentials: dict[str, str]) -> dict[str, str]:
    answer = client.post(path, json=credentials)
    assert answer.is_success, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@contextmanager
def serve_raw_response(answer: bytes) -> Iterator[str]:
    """Runs a server that sends these bytes on every connection and closes it; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def find_unused_address() -> str:
    """Returns an address at which connecting fails at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass(frozen=True)
class RunningGateway:
    """A running gateway, and a token of the administrator."""

    address: str
    token: str
    app: FastAPI

    def connect(self) -> RawConnection:
        return RawConnection(self.address, self.token)


@contextmanager
def run_gateway(settings: Settings, limits: ConnectionLimits | None = None) -> Iterator[RunningGateway]:
    """Runs a gateway on real sockets."""
    app = create_app(settings)
    if limits is not None:
        app.state.downstream = replace(app.state.downstream, limits=limits)
    with run_server(create_server(app)) as address:
        answer = httpx.post(f"{address}/v1/auth/login", json=ADMIN, trust_env=False, timeout=WITHIN)
        yield RunningGateway(address, answer.json()["access_token"], app)


OpenGateway = Callable[..., httpx.Client]
"""Opens a gateway in front of the given books-api addresses; returns a client of the administrator."""
