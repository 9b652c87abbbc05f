"""A gateway process whose wall clock is set back and forth, while time goes on (libfaketime)."""

import os
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.gateway.rolling import WITHIN, Program
from tests.unit.gateway.servers import ADMIN, serve_app

from bookcore.kit.auth import HEADER, InternalTokens
from bookcore.kit.settings import DEVELOPMENT_SECRET

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
STEPS = ("-50", "-70", "-3600", "+0", "+50", "+3600", "-3600")
TOKENS = InternalTokens(DEVELOPMENT_SECRET)


async def answer(request: Request) -> JSONResponse:
    """As a service does whose clock is right."""
    TOKENS.verify(request.headers.get(HEADER, ""))
    return JSONResponse({"path": request.url.path})


SERVICE = Starlette(routes=[Route("/{path:path}", answer)])


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """The file that says by how many seconds the gateway's wall clock is wrong."""
    if LIBRARY is None:
        pytest.skip("no libfaketime here: make faketime, as root")
    path = tmp_path / "clock"
    path.write_text("+0")
    return path


@pytest.fixture
def gateway(tmp_path: Path, clock: Path) -> Iterator[Program]:
    with serve_app(SERVICE) as service:
        told = {
            "BOOKSTREAM_DATA": str(tmp_path / "data"),
            "BOOKSTREAM_BOOKS_API_URLS": service,
            "BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL": ADMIN["email"],
            "BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
            "BOOKSTREAM_GATEWAY_REQUESTS_PER_MINUTE": "60",
            "BOOKSTREAM_GATEWAY_ADDRESS_REQUESTS_PER_MINUTE": "120",
            "BOOKSTREAM_GATEWAY_ACCESS_LOG": "false",
            "LD_PRELOAD": os.fspath(LIBRARY or ""),
            "FAKETIME_TIMESTAMP_FILE": os.fspath(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        program = Program("gateway", "BOOKSTREAM_GATEWAY_PORT", told)
        program.start()
        yield program
        program.stop()


def test_step_of_the_wall_clock_refuses_nobody(gateway: Program, clock: Path) -> None:
    with httpx.Client(base_url=gateway.address, trust_env=False, timeout=WITHIN) as client:
        token = client.post("/v1/auth/login", json=ADMIN).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        answers = []
        for number, step in enumerate(STEPS):
            clock.write_text(step)
            answers += [
                client.get("/v1/books"),
                client.get(f"/v1/books/b{number}"),
                client.get("/v1/users/me"),
                client.get("/health/live"),
                client.get("/metrics"),
                client.post("/v1/auth/login", json=ADMIN),
            ]
        refused = [(answer.request.url.path, answer.text) for answer in answers if answer.is_error]
        assert refused == []
        dates = [parsedate_to_datetime(answer.headers["date"]) for answer in answers]
        assert max(dates) - min(dates) > timedelta(minutes=100), "the steps were real"
