"""Behaviour of every cache."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from bookcore.cache import Cache, Script, ScriptResult, open_cache
from bookcore.domain.errors import Invalid
from bookcore.testing.builders import EPOCH

T = TypeVar("T")


class ManualClock:
    """A clock that stands still until a test advances it."""

    def __init__(self) -> None:
        self._now = EPOCH
        self._monotonic = EPOCH.timestamp()

    def now(self) -> datetime:
        """The set time; EPOCH at first."""
        return self._now

    def monotonic(self) -> float:
        """Seconds; the same as `now` at first."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Sets the wall clock, forward or back; no time passes."""
        self._now += timedelta(seconds=seconds)


def _add(values: Sequence[bytes | None], args: Sequence[float], now: float) -> ScriptResult:
    total = float(values[0] or b"0") + args[0]
    return ScriptResult(writes=[(repr(total).encode(), 60.0)], answer=[total, now])


def _read(values: Sequence[bytes | None], args: Sequence[float], now: float) -> ScriptResult:
    return ScriptResult(writes=[None for _ in values], answer=[float(value is not None) for value in values])


def _swap(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: bytes and a number
    return ScriptResult(writes=[(args[0], 60.0)], answer=[values[0], args[1] * 2])


_SWAP = """
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)
return {before, tonumber(ARGV[2]) * 2}
"""
_ADD = """
local total = tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[1])
redis.call('SET', KEYS[1], number(total), 'PX', 60000)
return {number(total), number(now)}
"""
_LOOK = """
local found = {}
for place, key in ipairs(KEYS) do found[place] = number(redis.call('EXISTS', key)) end
return found
"""
ADD = Script("contract.add", _ADD, _add)
LOOK = Script("contract.look", _LOOK, _read)
SWAP = Script("contract.swap", _SWAP, _swap)


class CacheContract:
    """A subclass implements `open` for an empty cache on the given clock."""

    def open(self, clock: ManualClock) -> Cache:
        """An empty cache on that clock."""
        raise NotImplementedError

    def clock(self) -> ManualClock:
        """What the tests move to let values grow old."""
        return ManualClock()

    def run(self, scenario: Callable[[Cache, ManualClock], Awaitable[T]]) -> T:
        """Run a scenario on a new cache and close it."""

        async def opened() -> T:
            clock = self.clock()
            cache = self.open(clock)
            try:
                return await scenario(cache, clock)
            finally:
                await cache.close()

        return asyncio.run(opened())

    def test_an_absent_key_is_none(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> bytes | None:
            return await cache.get("nothing")

        assert self.run(scenario) is None

    def test_a_value_comes_back_byte_for_byte(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> bytes | None:
            await cache.set("k", bytes(range(256)), ttl=10)
            return await cache.get("k")

        assert self.run(scenario) == bytes(range(256))

    def test_the_last_write_wins_with_its_own_time_to_live(self) -> None:
        async def scenario(cache: Cache, clock: ManualClock) -> bytes | None:
            await cache.set("k", b"one", ttl=1)
            await cache.set("k", b"two", ttl=10)
            clock.advance(5)
            return await cache.get("k")

        assert self.run(scenario) == b"two"

    def test_a_value_expires_after_its_time_to_live(self) -> None:
        async def scenario(cache: Cache, clock: ManualClock) -> tuple[bytes | None, bytes | None]:
            await cache.set("k", b"v", ttl=10)
            clock.advance(9.9)
            before = await cache.get("k")
            clock.advance(0.2)
            return before, await cache.get("k")

        assert self.run(scenario) == (b"v", None)

    def test_delete_removes_keys_of_the_prefix_only(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> tuple[int, bytes | None, bytes | None]:
            for key in ("books:1", "books:2", "book", "other"):
                await cache.set(key, key.encode(), ttl=10)
            dropped = await cache.delete("books:")
            return dropped, await cache.get("books:1"), await cache.get("book")

        assert self.run(scenario) == (2, None, b"book")

    def test_a_prefix_is_text_and_not_a_pattern(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> int:
            await cache.set("books:1", b"v", ttl=10)
            return await cache.delete("*")

        assert self.run(scenario) == 0

    def test_delete_counts_unexpired_keys_only(self) -> None:
        async def scenario(cache: Cache, clock: ManualClock) -> int:
            await cache.set("k1", b"v", ttl=1)
            await cache.set("k2", b"v", ttl=10)
            clock.advance(5)
            return await cache.delete("k")

        assert self.run(scenario) == 1

    def test_scripts_running_at_once_lose_no_step(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> bytes | None:
            await asyncio.gather(*(cache.eval(ADD, ["sum"], [1]) for _ in range(50)))
            return await cache.get("sum")

        assert float(self.run(scenario) or 0) == 50

    def test_a_script_sees_absent_keys_as_none_and_may_leave_keys_alone(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> tuple[Sequence[float], bytes | None]:
            await cache.set("there", b"v", ttl=10)
            return await cache.eval(LOOK, ["there", "absent"], []), await cache.get("there")

        assert self.run(scenario) == ([1.0, 0.0], b"v")

    def test_a_script_gets_the_time_and_its_writes_expire(self) -> None:
        async def scenario(cache: Cache, clock: ManualClock) -> tuple[float, Sequence[float]]:
            told = (await cache.eval(ADD, ["sum"], [5]))[1] - clock.now().timestamp()
            clock.advance(61)
            return told, await cache.eval(LOOK, ["sum"], [])

        told, found = self.run(scenario)
        assert abs(told) < 1
        assert found == [0.0]

    def test_a_script_can_be_asked_without_waiting_and_gives_bytes_numbers_and_none(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> list[object]:
            two = _Answers(2)
            cache.eval_nowait(SWAP, ["k"], [b"\x00one", 3], two.take)
            cache.eval_nowait(SWAP, ["k"], [b"two", 4], two.take)
            return await two.all()

        assert self.run(scenario) == [[None, 6], [b"\x00one", 8]]

    def test_a_question_made_ready_once_is_answered_each_time(self) -> None:
        async def scenario(cache: Cache, _: ManualClock) -> list[object]:
            two = _Answers(2)
            question = cache.prepare(SWAP, ["k"], [b"one", 3])
            question.run(two.take)
            question.run(two.take)
            return await two.all()

        assert self.run(scenario) == [[None, 6], [b"one", 6]]

    def test_an_unknown_scheme_is_refused_by_name(self) -> None:
        with pytest.raises(Invalid, match="no cache for tape://"):
            open_cache("tape://reel")


class _Answers:
    def __init__(self, count: int) -> None:
        self._count = count
        self._answers: list[object] = []
        self._done = asyncio.Event()

    def take(self, answer: object) -> None:
        self._answers.append(answer)
        if len(self._answers) == self._count:
            self._done.set()

    async def all(self) -> list[object]:
        async with asyncio.timeout(10):
            await self._done.wait()
        return self._answers
