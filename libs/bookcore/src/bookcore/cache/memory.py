"""A cache in this process: bounded in bytes, evicts the least recently used entry first."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bookcore.cache import Cache, Callback, PreparedScript, Script
from bookcore.domain.errors import Invalid
from bookcore.kit.clock import Clock, SystemClock, make_monotonic_clock

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
_OVERHEAD = 200
"""Bytes that an entry costs beyond its key and value, about what CPython takes for the objects."""


def open_cache(url: str) -> Cache:
    """`memory://` or `memory://?max_bytes=1000000`.

    Raises: Invalid when max_bytes is not a whole number above zero.
    """
    wanted = parse_qs(urlsplit(url).query).get("max_bytes", [str(DEFAULT_MAX_BYTES)])[-1]
    if not wanted.isdecimal() or int(wanted) == 0:
        raise Invalid(f"max_bytes must be a whole number above zero, not {wanted!r}", field="cache_url")
    return MemoryCache(max_bytes=int(wanted))


class _Entry:
    __slots__ = ("expires_at", "value")

    def __init__(self, value: bytes, expires_at: float) -> None:
        self.value, self.expires_at = value, expires_at


class MemoryCache:
    """Atomic on its event loop: no method awaits between a read and a write.

    Its only clock, that of scripts too, is the monotonic one: a step of the wall clock changes nothing.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_MAX_BYTES, clock: Clock | None = None) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._now = make_monotonic_clock(clock or SystemClock())

    async def get(self, key: str) -> bytes | None:
        return self._read(key, self._now())

    async def set(self, key: str, value: bytes, *, ttl: float) -> None:
        """A value larger than the whole cache is not stored."""
        self._write(key, value, self._now() + ttl)

    async def delete(self, prefix: str) -> int:
        """Scans every key."""
        matching = [key for key in self._entries if key.startswith(prefix)]
        now = self._now()
        unexpired = sum(self._entries[key].expires_at > now for key in matching)
        for key in matching:
            self._drop(key)
        return unexpired

    async def eval(self, script: Script, keys: Sequence[str], args: Sequence[float]) -> Sequence[float]:
        return self._run(script, keys, args)

    def eval_nowait(
        self, script: Script, keys: Sequence[str], args: Sequence[float | bytes], then: Callback
    ) -> None:
        """Calls back before it returns."""
        then(self._run(script, keys, args))

    def prepare(self, script: Script, keys: Sequence[str], args: Sequence[float | bytes]) -> PreparedScript:
        return _PreparedScript(self, script, keys, args)

    async def close(self) -> None:
        self._entries.clear()
        self._bytes = 0

    def _run(self, script: Script, keys: Sequence[str], args: Sequence[float | bytes]) -> Sequence[Any]:
        # Any: as the script gives
        now = self._now()
        outcome = script.local([self._read(key, now) for key in keys], args, now)
        for key, write in zip(keys, outcome.writes, strict=True):
            if write is not None:
                self._write(key, write[0], now + write[1])
        return outcome.values

    def _read(self, key: str, now: float) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= now:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def _write(self, key: str, value: bytes, expires_at: float) -> None:
        cost = len(key) + len(value) + _OVERHEAD
        if cost > self._max_bytes:
            self._drop(key)
            return
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(value, expires_at)
            self._bytes += cost
        else:
            self._bytes += len(value) - len(entry.value)
            entry.value, entry.expires_at = value, expires_at
            self._entries.move_to_end(key)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(key) + len(entry.value) + _OVERHEAD


@dataclass(frozen=True, slots=True)
class _PreparedScript:
    cache: MemoryCache
    script: Script
    keys: Sequence[str]
    args: Sequence[float | bytes]

    def run(self, then: Callback) -> None:
        self.cache.eval_nowait(self.script, self.keys, self.args, then)
