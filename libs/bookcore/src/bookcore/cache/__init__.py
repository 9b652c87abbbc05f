"""The cache port: short-lived bytes by key, shared by all processes of a service where the adapter
supports it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from bookcore.kit.adapters import load_adapter

Callback = Callable[[Any], None]
"""Called once, with a script's answer or a BookstreamError. Any: numbers, bytes and None, as it gives."""


@dataclass(frozen=True, slots=True)
class Script:
    """A named atomic operation on some keys, written once for each kind of cache.

    `local` receives the stored values of the keys (None if absent), the arguments and the time in seconds,
    and returns the new values with their time to live (None: unchanged) and the result values. `lua` does
    the same with KEYS, ARGV and `now`, and returns numbers by `number(n)`. The time is the cache's own: only
    to be compared with times that a script stored there. A server's clock may be stepped.
    """

    name: str
    lua: str
    local: Callable[
        [Sequence[bytes | None], Sequence[Any], float], "ScriptResult"
    ]  # Any: what the caller gives


class ScriptResult:
    """Writes and result values of a script; `writes` are (value, ttl in seconds) per key, None leaves the key
    unchanged.
    """

    __slots__ = ("values", "writes")

    def __init__(self, writes: Sequence[tuple[bytes, float] | None], answer: Sequence[Any]) -> None:
        # Any: numbers for eval; whole numbers, bytes and None for ask
        self.writes, self.values = writes, answer


class PreparedScript(Protocol):
    """A script with its keys and arguments, encoded once and run many times."""

    def run(self, then: Callback) -> None:
        """Runs the script; see Cache.eval_nowait."""


class Cache(Protocol):
    """Async, for one event loop. A value may disappear before its time to live ends; no caller may depend
    on it.
    """

    async def get(self, key: str) -> bytes | None:
        """The value; None when absent or expired."""

    async def set(self, key: str, value: bytes, *, ttl: float) -> None:
        """Stores the value for at most `ttl` seconds."""

    async def delete(self, prefix: str) -> int:
        """Deletes every key with that prefix; returns how many there were."""

    async def eval(self, script: Script, keys: Sequence[str], args: Sequence[float]) -> Sequence[float]:
        """Runs a script atomically."""

    def eval_nowait(
        self, script: Script, keys: Sequence[str], args: Sequence[float | bytes], then: Callback
    ) -> None:
        """Runs a script atomically without awaiting it; for hot paths where a task per call costs too much.

        `then` is called once, possibly before this returns, with the script's result or a BookstreamError.
        """

    def prepare(self, script: Script, keys: Sequence[str], args: Sequence[float | bytes]) -> PreparedScript:
        """Encodes a script call once, for many runs."""

    async def close(self) -> None:
        """Frees the connections."""


_ADAPTERS = {
    "memory": "bookcore.cache.memory",
    "redis": "bookcore.cache.redis",
    "rediss": "bookcore.cache.redis",
}


class _Adapter(Protocol):
    def open_cache(self, url: str) -> Cache: ...


def open_cache(url: str) -> Cache:
    """Raises: Invalid when no adapter speaks the URL's scheme."""
    adapter = load_adapter(url, _ADAPTERS, port="cache", field="cache_url")
    return cast(_Adapter, adapter).open_cache(url)
