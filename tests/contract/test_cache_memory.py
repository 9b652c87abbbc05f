import asyncio

import pytest

from bookcore.cache import Cache, open_cache
from bookcore.cache.memory import MemoryCache
from bookcore.domain.errors import Invalid
from bookcore.testing.contracts.cache import CacheContract, ManualClock


class TestMemoryCache(CacheContract):
    def open(self, clock: ManualClock) -> Cache:
        return MemoryCache(clock=clock)


def test_the_least_recently_used_value_makes_room() -> None:
    async def scenario() -> list[bytes | None]:
        cache = MemoryCache(max_bytes=1_000)
        await cache.set("a", b"x" * 200, ttl=10)
        await cache.set("b", b"x" * 200, ttl=10)
        await cache.get("a")
        await cache.set("c", b"x" * 200, ttl=10)
        return [await cache.get(key) for key in "abc"]

    a, b, c = asyncio.run(scenario())
    assert (a is None, b is None, c is None) == (False, True, False)


def test_a_value_larger_than_the_cache_is_not_stored() -> None:
    async def scenario() -> bytes | None:
        cache = MemoryCache(max_bytes=1_000)
        await cache.set("a", b"x" * 2_000, ttl=10)
        return await cache.get("a")

    assert asyncio.run(scenario()) is None


def test_the_url_sets_the_bound() -> None:
    async def scenario() -> bytes | None:
        cache = open_cache("memory://?max_bytes=500")
        await cache.set("a", b"x" * 600, ttl=10)
        return await cache.get("a")

    assert asyncio.run(scenario()) is None


@pytest.mark.parametrize("bound", ["-1", "0", "many"])
def test_a_bound_that_makes_no_sense_is_refused(bound: str) -> None:
    with pytest.raises(Invalid, match="max_bytes"):
        open_cache(f"memory://?max_bytes={bound}")
