"""Generation number of a scope, part of the scope's cache keys: advancing it invalidates all entries at once.

A reader gets the number before it reads the source, so an entry stored under that number is never found after
a later change. An evicted number restarts from the current time, which is greater than all earlier numbers.
"""

from collections.abc import Sequence

from bookcore.cache import Cache, Script, ScriptResult

_LIFE = 30 * 86_400.0


def _compute_start(now: float) -> int:
    return int(now * 1_000_000)


def _run_current(values: Sequence[bytes | None], _: Sequence[float], now: float) -> ScriptResult:
    if values[0] is not None:
        return ScriptResult(writes=[None], answer=[float(values[0])])
    begun = _compute_start(now)
    return ScriptResult(writes=[(str(begun).encode(), _LIFE)], answer=[float(begun)])


def _run_advance(values: Sequence[bytes | None], _: Sequence[float], now: float) -> ScriptResult:
    moved = max(int(values[0] or 0) + 1, _compute_start(now))
    return ScriptResult(writes=[(str(moved).encode(), _LIFE)], answer=[float(moved)])


_STORE = "redis.call('SET', KEYS[1], string.format('%.0f', moved), 'EX', 2592000) return {number(moved)}"
_CURRENT = f"""
local stored = redis.call('GET', KEYS[1])
if stored then return {{stored}} end
local moved = math.floor(now * 1000000)
{_STORE}
"""
_ADVANCE = f"""
local moved = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') + 1, math.floor(now * 1000000))
{_STORE}
"""
CURRENT = Script("generation.current", _CURRENT, _run_current)
ADVANCE = Script("generation.advance", _ADVANCE, _run_advance)


def build_status_scope(user_id: str) -> str:
    """The scope of what is cached about a user."""
    return f"standing:{user_id}"


class CacheGenerations:
    """Generations are microseconds since 1970, which a float represents exactly until the year 2255."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get_current(self, scope: str) -> int:
        """Current generation of a scope."""
        return int((await self._cache.eval(CURRENT, [f"generation:{scope}"], []))[0])

    async def advance(self, scope: str) -> None:
        """Invalidate the entries of a scope, also those being read now."""
        await self._cache.eval(ADVANCE, [f"generation:{scope}"], [])
