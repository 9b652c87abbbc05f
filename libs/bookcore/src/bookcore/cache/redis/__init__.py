"""A cache in Valkey, or Redis 6.2 and newer, shared by all processes that use the same URL and prefix."""

import asyncio
import re
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from bookcore.cache import Cache, Callback, PreparedScript, Script
from bookcore.cache.redis.connection import RedisConnection, pack
from bookcore.cache.redis.server import check_server, split_prefix, translate_errors
from bookcore.domain.errors import BookstreamError

__all__ = ["RedisCache", "check_server", "open_cache", "split_prefix", "translate_errors"]

_FIELD = "BOOKSTREAM_CACHE_URL"
_GLOB = re.compile(r"([*?\[\]\\^])")
_SCAN = 1_000
_LUA = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function number(value) return string.format('%.17g', value) end
"""
"""Before every script: the server's time in seconds, and numbers as text that keeps all digits."""


def open_cache(url: str) -> Cache:
    """`redis://[[user]:password@]host:port[/db][?prefix=name:]`, `rediss://` with TLS and the options of
    `kit.tls`.

    Raises: Invalid for a wrong URL, login or version, Unavailable when no server answers.
    """
    address, prefix = split_prefix(url, field=_FIELD)
    check_server(address, field=_FIELD)
    return RedisCache(address, prefix)


class RedisCache:
    """One connection shared by all callers; scripts are sent by their SHA-1."""

    def __init__(self, address: str, prefix: str) -> None:
        self._connection = RedisConnection(address, field=_FIELD)
        self._prefix = prefix
        self._hashes: dict[str, str] = {}

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._call("GET", self._prefix + key)
        return value

    async def set(self, key: str, value: bytes, *, ttl: float) -> None:
        """The time to live has a resolution of one millisecond."""
        await self._call("SET", self._prefix + key, value, "PX", max(1, int(ttl * 1_000)))

    async def delete(self, prefix: str) -> int:
        """Scans every key of the server, 1,000 at a time."""
        wanted = _GLOB.sub(r"\\\1", self._prefix + prefix) + "*"
        dropped, cursor = 0, b"0"
        while True:
            cursor, keys = await self._call("SCAN", cursor, "MATCH", wanted, "COUNT", _SCAN)
            dropped += await self._call("UNLINK", *keys) if keys else 0
            if cursor == b"0":
                return dropped

    async def eval(self, script: Script, keys: Sequence[str], args: Sequence[float]) -> Sequence[float]:
        waiting = _PendingReply()
        self.eval_nowait(script, keys, [repr(float(arg)).encode() for arg in args], waiting.set_reply)
        return [float(number) for number in await waiting.answer]

    def eval_nowait(
        self, script: Script, keys: Sequence[str], args: Sequence[float | bytes], then: Callback
    ) -> None:
        """Commands of one turn of the event loop are written together."""
        self.prepare(script, keys, args).run(then)

    def prepare(self, script: Script, keys: Sequence[str], args: Sequence[float | bytes]) -> PreparedScript:
        """Encodes the EVALSHA command."""
        digest = self._hashes.get(script.name)
        if digest is None:
            digest = self._hashes[script.name] = sha1((_LUA + script.lua).encode()).hexdigest()  # noqa: S324 - as the server names scripts
        prefix = self._prefix
        rest = (len(keys), *[prefix + key for key in keys], *args)
        return _PreparedScript(self._connection, pack("EVALSHA", digest, *rest), (_LUA + script.lua, *rest))

    async def close(self) -> None:
        self._connection.close()

    async def _call(self, *command: str | int | bytes) -> Any:
        # Any: what the server answers, which each caller knows
        waiting = _PendingReply()
        self._connection.send(pack(*command), waiting.set_reply)
        return await waiting.answer


class _PreparedScript:
    __slots__ = ("_command", "_line", "_rest")

    def __init__(self, line: RedisConnection, command: bytes, rest: tuple[float | str | bytes, ...]) -> None:
        self._line, self._command, self._rest = line, command, rest

    def run(self, then: Callback) -> None:
        wire = self._line.protocol
        if wire is not None and not wire.is_overdue:
            wire.send(self._command, then, self._build_eval_command)
        else:
            self._line.send(self._command, then, self._build_eval_command)

    def _build_eval_command(self) -> bytes:
        return pack("EVAL", *self._rest)


class _PendingReply:
    def __init__(self) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def set_reply(self, reply: object) -> None:
        if self.answer.done():
            return
        if isinstance(reply, BookstreamError):
            self.answer.set_exception(reply)
        else:
            self.answer.set_result(reply)
