"""The real app in this process, in front of tiny services; time moves only when a test says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bookcore.cache.memory import MemoryCache
from bookcore.event_log import open_event_log
from bookcore.kit.app import bind
from bookcore.kit.auth import HEADER, InternalTokens
from bookcore.testing.contracts.cache import MovableClock
from gateway.app import create_app
from gateway.parts import Outside
from gateway.settings import Settings

ADMIN = {"email": "admin@example.org", "password": "a password of the admin"}
READER = {"email": "reader@example.org", "password": "a password of a reader"}


class TinyServices:
    """books-api and search-api in one: counts what reaches it and answers what a test puts into `answer`."""

    def __init__(self, secret: str) -> None:
        self._tokens = InternalTokens(secret)
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Response] = lambda request: JSONResponse({"path": request.url.path})
        anything = Route(
            "/{path:path}", self._take, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        )
        self.app = Starlette(routes=[anything])

    async def _take(self, request: Request) -> Response:
        await request.body()
        self.requests.append(request)
        return self.answer(request)

    @property
    def last(self) -> Request:
        return self.requests[-1]

    def last_role(self) -> str:
        return self._tokens.verify(self.last.headers[HEADER]).role.value


@contextmanager
def running(config: uvicorn.Config) -> Iterator[str]:
    """The address of a server while it runs in a thread."""
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an app behind a plain server."""
    with running(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)) as address:
        yield address


class Stage:
    """One server for all tests, with the services of the test that runs."""

    def __init__(self) -> None:
        self.services: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.services is not None
        await self.services(scope, receive, send)


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, str]]:
    """The stage and its address."""
    here = Stage()
    config = uvicorn.Config(here, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    with running(config) as address:
        yield here, address


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def settings(tmp_path: Path, stage: tuple[Stage, str]) -> Settings:
    return Settings(
        data=tmp_path,
        books_api_urls=(stage[1],),
        search_api_urls=(stage[1],),
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
        gateway_body_bytes=1_000,
        gateway_cache_entry_bytes=10_000,
    )


@pytest.fixture
def services(settings: Settings, stage: tuple[Stage, str]) -> TinyServices:
    tiny = TinyServices(settings.internal_secret.get_secret_value())
    stage[0].services = tiny.app
    return tiny


@pytest.fixture
def client(settings: Settings, services: TinyServices, clock: MovableClock) -> Iterator[TestClient]:
    """Asks as nobody; see `reader` and `admin`."""
    outside = Outside(
        cache=MemoryCache(clock=clock),
        event_log=open_event_log(settings.event_log_url),
        clock=clock,
    )
    with TestClient(create_app(settings, outside), raise_server_exceptions=False) as client:
        yield client


def bearer(client: TestClient, path: str, credentials: dict[str, str]) -> dict[str, str]:
    answer = client.post(path, json=credentials)
    assert answer.is_success, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def reader(client: TestClient) -> dict[str, str]:
    """Headers of a reader."""
    return bearer(client, "/v1/auth/register", READER)


@pytest.fixture
def admin(client: TestClient) -> dict[str, str]:
    """Headers of the administrator of the settings."""
    return bearer(client, "/v1/auth/login", ADMIN)
