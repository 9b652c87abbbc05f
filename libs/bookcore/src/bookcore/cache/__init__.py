"""The cache port: short-lived bytes by key, shared by the processes of a service where the adapter can."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from bookcore.domain.errors import Invalid

Callback = Callable[[Any], None]
"""Called once, with a script's answer or a BookstreamError. Any: numbers, bytes and None, as it gives."""


@dataclass(frozen=True, slots=True)
class Script:
    """A named atomic step on some keys, once for each kind of cache.

    `local` gets the stored values of the keys (absent: None), the arguments and the time in seconds, and
    returns the new values with their time to live (None: leave as it is) and the numbers to answer with.
    `lua` does the same with KEYS, ARGV and `now`, and returns the numbers by `number(n)`.
    """

    name: str
    lua: str
    local: Callable[
        [Sequence[bytes | None], Sequence[Any], float], "ScriptResult"
    ]  # Any: what the caller gives


class ScriptResult:
    """What a script leaves behind and answers; `writes` are (value, ttl in seconds) per key, None = keep."""

    __slots__ = ("values", "writes")

    def __init__(self, writes: Sequence[tuple[bytes, float] | None], answer: Sequence[Any]) -> None:
        # Any: numbers for eval; whole numbers, bytes and None for ask
        self.writes, self.values = writes, answer


class PreparedScript(Protocol):
    """A script with its keys and arguments, made ready once to be asked often."""

    def run(self, then: Callback) -> None:
        """As Cache.ask."""


class Cache(Protocol):
    """Async, for one event loop. A value may vanish before its time; nothing may depend on it staying."""

    async def get(self, key: str) -> bytes | None:
        """The value, None when absent or past its time."""

    async def set(self, key: str, value: bytes, *, ttl: float) -> None:
        """Store for at most `ttl` seconds."""

    async def delete(self, prefix: str) -> int:
        """Drop every key with that prefix; how many there were."""

    async def eval(self, script: Script, keys: Sequence[str], args: Sequence[float]) -> Sequence[float]:
        """Run a script with nothing in between its reads and writes."""

    def eval_nowait(
        self, script: Script, keys: Sequence[str], args: Sequence[float | bytes], then: Callback
    ) -> None:
        """Run a script without waiting; for where a task for each call would cost too much.

        `then` is called once, maybe before this returns: with what the script gives, or a BookstreamError.
        """

    def prepare(self, script: Script, keys: Sequence[str], args: Sequence[float | bytes]) -> PreparedScript:
        """The same to be asked again and again; what can be worked out beforehand is."""

    async def close(self) -> None:
        """Free connections."""


_ADAPTERS = {
    "memory": "bookcore.cache.memory",
    "redis": "bookcore.cache.redis",
    "rediss": "bookcore.cache.redis",
}


class _Adapter(Protocol):
    def open_cache(self, url: str) -> Cache: ...


def open_cache(url: str) -> Cache:
    """Raises: Invalid when no adapter speaks the URL's scheme."""
    scheme = url.partition("://")[0]
    if scheme not in _ADAPTERS:
        raise Invalid(f"no cache for {scheme}://; use one of {', '.join(_ADAPTERS)}", field="cache_url")
    return cast(_Adapter, import_module(_ADAPTERS[scheme])).open_cache(url)
