"""The gateway and its services as real servers on loopback, for what only a socket can show."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest
from tests.unit.gateway.conftest import ADMIN, running

from gateway.app import create_app
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
