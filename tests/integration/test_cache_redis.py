"""The cache's suite on Valkey, and what only a server can do wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from redis import Redis

from bookcore.cache import Cache, open_cache
from bookcore.cache.redis import split_prefix
from bookcore.domain.errors import Invalid, Unavailable
from bookcore.testing.contracts.cache import CacheContract, MovableClock


class Ageing(MovableClock):
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

    def clock(self) -> MovableClock:
        return Ageing(self.server, self.prefix)

    def open(self, clock: MovableClock) -> Cache:
        return open_cache(self.url)


def test_a_wrong_password_is_told_without_it(redis_url: str) -> None:
    place = redis_url.rpartition("@")[2]
    with pytest.raises(Invalid, match=r"BOOKSTREAM_CACHE_URL.*password") as caught:
        open_cache(f"redis://:hidden@{place}")
    assert "hidden" not in str(caught.value)


def test_an_unreachable_server_is_told() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9.*BOOKSTREAM_CACHE_URL"):
        open_cache("redis://127.0.0.1:9")


@pytest.mark.parametrize("url", ["redis://", "redis://h:6379?prefx=a", "redis://h:port"])
def test_a_url_that_cannot_be_right_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_CACHE_URL"):
        open_cache(url)
