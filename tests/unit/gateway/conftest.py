"""The real app in this process, in front of tiny services; time moves only when a test says so."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bookcore.cache.memory import MemoryCache
from bookcore.event_log import open_event_log
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


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
        gateway_body_bytes=1_000,
        gateway_cache_entry_bytes=10_000,
    )


@pytest.fixture
def services(settings: Settings) -> TinyServices:
    return TinyServices(settings.internal_secret.get_secret_value())


@pytest.fixture
def client(settings: Settings, services: TinyServices, clock: MovableClock) -> Iterator[TestClient]:
    """Asks as nobody; see `reader` and `admin`."""
    outside = Outside(
        cache=MemoryCache(clock=clock),
        event_log=open_event_log(settings.event_log_url),
        transport=httpx.ASGITransport(services.app),
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
