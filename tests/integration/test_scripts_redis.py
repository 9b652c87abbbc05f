"""Every script does the same in Lua on the server as in Python in memory, whatever the order of calls."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookcore.cache import Cache, Script, open_cache
from bookcore.cache.memory import MemoryCache
from books_api.idempotency import CLAIM_SCRIPT
from gateway.auth.generations import ADVANCE, CURRENT
from gateway.cache.scripts import ADMIT, FETCH_PURGES, FIND, LOG, PURGE, SAVE, SEQUENCE
from gateway.ratelimit.gcra import GCRA_SCRIPT

Call = tuple[Script, Sequence[str], Sequence[float | bytes]]
Reply = Sequence[Any]  # Any: numbers, bytes and None
_HOUR = 3_600.0
_SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

rates = st.integers(1, 4).map(lambda requests: (requests, _HOUR))
admissions = st.builds(lambda rate: (ADMIT, ["rate", SEQUENCE, "entry"], rate), rates)
limits = st.builds(lambda rate: (GCRA_SCRIPT, ["rate"], rate), rates)
purges = st.sampled_from([b"books", b"book:a book:b"]).map(lambda tags: (PURGE, [SEQUENCE, LOG], (tags,)))
steps_back = st.sampled_from([b"9000000000000000", b"8000000000000000"]).map(
    lambda tat: (SAVE, ["rate"], (tat, 60_000))
)
"""Arrival times that were stored before a clock went back by centuries: ahead of any clock."""
saves = st.sampled_from([b"one", b"two"]).map(lambda body: (SAVE, ["entry"], (body, 60_000)))
finds = st.just((FIND, ["entry"], ()))


async def run_call(cache: Cache, call: Call) -> Reply:
    reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    script, keys, args = call
    cache.eval_nowait(script, keys, args, reply.set_result)
    return await reply


async def run_on_both(url: str, calls: Sequence[Call], adjust: Callable[[Script, Reply], object]) -> None:
    server, memory = open_cache(f"{url}?prefix=t{uuid4().hex}:"), MemoryCache()
    try:
        for call in calls:
            expected, found = await run_call(memory, call), await run_call(server, call)
            assert adjust(call[0], found) == adjust(call[0], expected), call[0].name
    finally:
        await server.close()


def compare_admission(script: Script, reply: Reply) -> object:
    """Without the times, which differ by the moments between both calls; an hour makes them small."""
    if script is ADMIT:
        return int(reply[0]), int(reply[1]), reply[5] if len(reply) > 5 else None
    if script is GCRA_SCRIPT:
        return int(float(reply[0])), int(float(reply[1]))
    if script is FIND:
        return reply[0]
    return None


@_SLOW
@given(st.lists(st.one_of(admissions, limits, steps_back, saves, finds), max_size=12))
def test_limits_and_entries_are_the_same_in_lua_and_python(redis_url: str, calls: list[Call]) -> None:
    asyncio.run(run_on_both(redis_url, calls, compare_admission))


@_SLOW
@given(st.lists(purges, max_size=6))
def test_purges_are_the_same_in_lua_and_python(redis_url: str, calls: list[Call]) -> None:
    async def scenario() -> None:
        server, memory = open_cache(f"{redis_url}?prefix=t{uuid4().hex}:"), MemoryCache()
        starts = [
            int((await run_call(cache, (FETCH_PURGES, [SEQUENCE, LOG], (0,))))[0])
            for cache in (server, memory)
        ]
        for call in calls:
            moved = [int((await run_call(cache, call))[0]) for cache in (server, memory)]
            assert moved[0] - starts[0] == moved[1] - starts[1]
        fetched = [
            await run_call(cache, (FETCH_PURGES, [SEQUENCE, LOG], (start,)))
            for cache, start in zip((server, memory), starts, strict=True)
        ]
        assert list(fetched[0][2:]) == list(fetched[1][2:])
        await server.close()

    asyncio.run(scenario())


@_SLOW
@given(st.lists(st.sampled_from([CURRENT, ADVANCE]), max_size=6))
def test_generations_advance_the_same_in_lua_and_python(redis_url: str, scripts: list[Script]) -> None:
    async def scenario() -> None:
        server, memory = open_cache(f"{redis_url}?prefix=t{uuid4().hex}:"), MemoryCache()
        seen: list[list[float]] = [[], []]
        for script in scripts:
            for place, cache in enumerate((server, memory)):
                seen[place].append(float((await cache.eval(script, ["generation"], []))[0]))
        changes = [[after != before for before, after in pairwise(each)] for each in seen]
        assert changes[0] == changes[1]
        await server.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"claimed", b"x" * 1_000])
def test_claims_are_the_same_in_lua_and_python(redis_url: str, body: bytes) -> None:
    calls: list[Call] = [
        (CLAIM_SCRIPT, ["claim"], (body, 60_000)),
        (CLAIM_SCRIPT, ["claim"], (b"late", 60_000)),
    ]
    asyncio.run(run_on_both(redis_url, calls, lambda _, reply: list(reply)))
