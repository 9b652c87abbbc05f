"""A thousand logins a second from many addresses, with the cache server there and away."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import httpx
import pytest
from tests.gateway.rolling import Program, wait_until
from tests.integration.flood import FloodResult, LoadClients, build_get, build_post
from tests.integration.test_gateway import APP, read_through
from tests.unit.gateway.servers import ADMIN, READER, serve_app

from bookcore.testing.proxy import FaultProxy

SECONDS, PER_SECOND = 4.0, 1_000.0
EVERYBODY, PER_EMAIL = 60, 10
RESERVE = 3 * PER_EMAIL
"""Of the administrator, whose right password is among the guesses: where it worked the network is known."""
MANY = [f"127.0.{n // 100 + 1}.{n % 100 + 1}" for n in range(200)]


@dataclass(frozen=True)
class Attacked:
    address: str
    token: str
    cache: FaultProxy


@pytest.fixture
def attacked(tmp_path: Path, redis_url: str) -> Iterator[Attacked]:
    """A gateway of two workers, its cache server behind a proxy."""
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy, serve_app(APP) as service:
        told = {
            "DATA": str(tmp_path),
            "CACHE_URL": read_through(proxy, redis_url),
            "BOOKS_API_URLS": service,
            "BOOTSTRAP_ADMIN_EMAIL": ADMIN["email"],
            "BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
            "GATEWAY_WORKERS": "2",
            "GATEWAY_LOGINS_PER_MINUTE": str(EVERYBODY),
            "GATEWAY_LOGINS_PER_EMAIL": str(PER_EMAIL),
            "GATEWAY_REQUESTS_PER_MINUTE": "1000000",
            "GATEWAY_ACCESS_LOG": "false",
        }
        program = Program(
            "gateway",
            "BOOKSTREAM_GATEWAY_PORT",
            {f"BOOKSTREAM_{name}": value for name, value in told.items()},
        )
        program.start()
        register = httpx.post(f"{program.address}/v1/auth/register", json=READER, trust_env=False, timeout=60)
        yield Attacked(program.address, register.json()["access_token"], proxy)
        proxy.resume()
        program.stop()


def guess(n: int) -> bytes:
    """In turn the right password, a wrong one, and one for nobody."""
    tried = (
        ADMIN,
        {**READER, "password": f"guess {n}"},
        {"email": f"nobody{n}@example.org", "password": "guessed"},
    )
    return build_post("/v1/auth/login", json.dumps(tried[n % 3]).encode())


async def flood(attacked: Attacked) -> tuple[FloodResult, FloodResult]:
    """What the guesses and what the readers got meanwhile."""
    guessers = LoadClients(attacked.address, MANY, per_second=PER_SECOND)
    readers = LoadClients(attacked.address, ["127.0.0.1"] * 8, per_second=80)
    return await asyncio.gather(
        guessers.run(guess, seconds=SECONDS),
        readers.run(lambda n: build_get("/v1/books", attacked.token), seconds=SECONDS),
    )


def test_login_flood_is_limited_and_readers_stay_fast(attacked: Attacked) -> None:
    began = perf_counter()
    guesses, reads = asyncio.run(flood(attacked))
    seconds = perf_counter() - began
    checked = guesses.statuses[200] + guesses.statuses[401]
    assert guesses.total == SECONDS * PER_SECOND
    assert set(guesses.statuses) <= {200, 401, 429, 503}
    assert 0 < checked <= (EVERYBODY + RESERVE) * (1 + seconds / 60) + 2
    assert guesses.statuses[200] > 0
    assert_hardly_noticed(reads)


def test_login_flood_without_the_cache_server_checks_no_password(
    attacked: Attacked,
) -> None:
    attacked.cache.stall()
    guesses, reads = asyncio.run(flood(attacked))
    assert guesses.statuses == {503: SECONDS * PER_SECOND}
    assert_hardly_noticed(reads)
    attacked.cache.resume()
    wait_until(
        lambda: httpx.post(f"{attacked.address}/v1/auth/login", json=ADMIN, trust_env=False).is_success
    )


def assert_hardly_noticed(reads: FloodResult) -> None:
    assert set(reads.statuses) == {200}
    assert reads.compute_quantile(0.5) < 0.25
    assert reads.compute_quantile(0.9) < 1.0
