"""The real app in this process, in front of stub services, on a manual clock."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.unit.gateway.servers import (
    ADMIN,
    READER,
    WITHIN,
    OpenGateway,
    RunningGateway,
    StubServices,
    create_server,
    log_in,
    run_gateway,
    run_server,
)

from bookcore.cache.memory import MemoryCache
from bookcore.testing.contracts.cache import ManualClock
from gateway.app import create_app
from gateway.settings import Settings


class SwitchableApp:
    """One server for all tests, which serves the app of the running test."""

    def __init__(self) -> None:
        self.services: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.services is not None
        await self.services(scope, receive, send)


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[SwitchableApp, str]]:
    """The app and its address."""
    here = SwitchableApp()
    config = uvicorn.Config(here, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    with run_server(uvicorn.Server(config)) as address:
        yield here, address


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(tmp_path: Path, stage: tuple[SwitchableApp, str]) -> Settings:
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
def settings_data(settings: Settings) -> Path:
    """The data folder."""
    return settings.data


@pytest.fixture
def services(settings: Settings, stage: tuple[SwitchableApp, str]) -> StubServices:
    tiny = StubServices(settings.internal_secret.get_secret_value())
    stage[0].services = tiny.app
    return tiny


@pytest.fixture
def client(settings: Settings, services: StubServices, clock: ManualClock) -> Iterator[TestClient]:
    """An anonymous client; see `reader` and `admin`."""
    app = create_app(settings, cache=MemoryCache(clock=clock), clock=clock)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def reader(client: TestClient) -> dict[str, str]:
    """Headers of a reader."""
    return log_in(client, "/v1/auth/register", READER)


@pytest.fixture
def admin(client: TestClient) -> dict[str, str]:
    """Headers of the administrator of the settings."""
    return log_in(client, "/v1/auth/login", ADMIN)


@pytest.fixture
def gate(settings: Settings, services: StubServices) -> Iterator[RunningGateway]:
    """A running gateway in front of the stub services."""
    with run_gateway(settings) as running_gateway:
        yield running_gateway


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenGateway]:
    """Opens a gateway in front of the given books-api addresses; returns a client of the administrator."""
    with ExitStack() as stack:

        def opened(*books_api_urls: str, read_seconds: float = 30.0) -> httpx.Client:
            settings = Settings(
                data=tmp_path,
                books_api_urls=books_api_urls,
                bootstrap_admin_email=ADMIN["email"],
                bootstrap_admin_password=ADMIN["password"],
                gateway_read_seconds=read_seconds,
            )
            address = stack.enter_context(run_server(create_server(create_app(settings))))
            client = stack.enter_context(httpx.Client(base_url=address, trust_env=False, timeout=WITHIN))
            token = client.post("/v1/auth/login", json=ADMIN).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            return client

        yield opened
