"""The cache's suite on Valkey, and what only a server can do wrong."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis import Redis

from bookcore.cache import Cache, open_cache
from bookcore.cache.redis import split_prefix
from bookcore.domain.errors import Invalid, Unavailable
from bookcore.testing.contracts.cache import CacheContract, ManualClock
from bookcore.testing.proxy import FaultProxy


class Ageing(ManualClock):
    """The server's clock can't be moved; its keys can be made older instead."""

    def __init__(self, server: Redis, prefix: str) -> None:
        super().__init__()
        self._server, self._prefix = server, prefix

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        for key in self._server.scan_iter(f"{self._prefix}*"):
            left = int(self._server.pttl(key)) - int(seconds * 1_000)
            self._server.pexpire(key, left) if left > 0 else self._server.delete(key)


class TestRedisCache(CacheContract):
    @pytest.fixture(autouse=True)
    def _address(self, redis_url: str) -> Iterator[None]:
        self.url = f"{redis_url}?prefix=t{uuid4().hex}:"
        address, self.prefix = split_prefix(self.url, field="url")
        with Redis.from_url(address) as self.server:
            yield

    def clock(self) -> ManualClock:
        return Ageing(self.server, self.prefix)

    def open(self, clock: ManualClock) -> Cache:
        return open_cache(self.url)


def test_a_late_reply_is_dropped_and_the_connection_stays_open(redis_url: str) -> None:
    parts = urlsplit(redis_url)

    async def scenario(proxy: FaultProxy) -> list[object]:
        place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
        cache = open_cache(parts._replace(netloc=place).geturl() + f"?prefix=t{uuid4().hex}:")
        await cache.set("a", b"first", ttl=60)
        await cache.set("b", b"second", ttl=60)
        proxy.delay(1.5)
        late = await asyncio.gather(*(cache.get("a") for _ in range(3)), return_exceptions=True)
        proxy.delay(0)
        found: list[object] = [*late]
        for _ in range(100):
            try:
                found.append(await cache.get("b"))
                break
            except Unavailable:
                await asyncio.to_thread(Event().wait, 0.05)
        await cache.close()
        return found

    with FaultProxy(parts.port or 6379) as proxy:
        *late, after = asyncio.run(scenario(proxy))
    assert [type(answer) for answer in late] == [Unavailable] * 3
    assert after == b"second"


def test_a_lost_connection_fails_waiting_commands_and_reconnects(redis_url: str) -> None:
    parts = urlsplit(redis_url)

    async def scenario(proxy: FaultProxy) -> tuple[object, bytes | None]:
        place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
        cache = open_cache(parts._replace(netloc=place).geturl() + f"?prefix=t{uuid4().hex}:")
        await cache.set("a", b"first", ttl=60)
        proxy.delay(0.5)
        waiting = asyncio.ensure_future(cache.get("a"))
        await asyncio.to_thread(Event().wait, 0.1)
        proxy.reset()
        proxy.delay(0)
        failed = (await asyncio.gather(waiting, return_exceptions=True))[0]
        for _ in range(100):
            try:
                return failed, await cache.get("a")
            except Unavailable:
                await asyncio.to_thread(Event().wait, 0.05)
            finally:
                await asyncio.sleep(0)
        return failed, None

    with FaultProxy(parts.port or 6379) as proxy:
        failed, found = asyncio.run(scenario(proxy))
    assert isinstance(failed, Unavailable)
    assert found == b"first"


def test_a_wrong_password_is_rejected_without_printing_it(redis_url: str) -> None:
    place = redis_url.rpartition("@")[2]
    with pytest.raises(Invalid, match=r"BOOKSTREAM_CACHE_URL.*password") as caught:
        open_cache(f"redis://:hidden@{place}")
    assert "hidden" not in str(caught.value)


def test_an_unreachable_server_is_an_error_with_its_address() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9.*BOOKSTREAM_CACHE_URL"):
        open_cache("redis://127.0.0.1:9")


@pytest.mark.parametrize("url", ["redis://", "redis://h:6379?prefx=a", "redis://h:port"])
def test_a_url_that_cannot_be_right_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_CACHE_URL"):
        open_cache(url)
