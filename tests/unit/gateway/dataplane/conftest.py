"""The gateway and its services as real servers on loopback, for what only a socket can show."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.gateway.conftest import ADMIN, TinyServices, running
from tests.unit.gateway.dataplane.raw import Wire

from gateway.app import create_app
from gateway.dataplane.inside import Limits
from gateway.dataplane.server import configured
from gateway.settings import Settings


@contextmanager
def misbehaving(answer: bytes) -> Iterator[str]:
    """The address of a server that answers every connection with these bytes and hangs up."""
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


def nobody_listens() -> str:
    """An address at which connecting fails at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass(frozen=True)
class Gateway:
    """A running gateway, and a token of the administrator."""

    address: str
    token: str
    app: FastAPI

    def wire(self) -> Wire:
        return Wire(self.address, self.token)


@contextmanager
def gateway(settings: Settings, limits: Limits = Limits()) -> Iterator[Gateway]:  # noqa: B008 - frozen
    """On real sockets, for as long as the context lasts."""
    app = create_app(settings)
    app.state.inside = replace(app.state.inside, limits=limits)
    with running(configured(app)) as address:
        answer = httpx.post(f"{address}/v1/auth/login", json=ADMIN, trust_env=False)
        yield Gateway(address, answer.json()["access_token"], app)


@pytest.fixture
def gate(settings: Settings, services: TinyServices) -> Iterator[Gateway]:
    """In front of the tiny services."""
    with gateway(settings) as found:
        yield found


Door = Callable[..., httpx.Client]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Opens a gateway in front of the books-api addresses given; asks as the administrator."""
    with ExitStack() as stack:

        def opened(*books_api_urls: str, read_seconds: float = 30.0) -> httpx.Client:
            settings = Settings(
                data=tmp_path,
                books_api_urls=books_api_urls,
                bootstrap_admin_email=ADMIN["email"],
                bootstrap_admin_password=ADMIN["password"],
                gateway_read_seconds=read_seconds,
            )
            address = stack.enter_context(running(configured(create_app(settings))))
            client = stack.enter_context(httpx.Client(base_url=address, trust_env=False))
            token = client.post("/v1/auth/login", json=ADMIN).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            return client

        yield opened
