"""A cache in Valkey or Redis 6.2 and newer, shared by all processes that name the same URL and prefix."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit, urlunsplit

import redis
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from bookcore.cache import Cache, Script
from bookcore.domain.errors import Invalid, Unavailable

_FIELD = "BOOKSTREAM_CACHE_URL"
_TIMEOUT = 2.0  # seconds to connect, and for an answer
_OLDEST = (6, 2)
_GLOB = re.compile(r"([*?\[\]\\^])")
_SCAN = 1_000
_LUA = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function number(value) return string.format('%.17g', value) end
"""
"""Before every script: the server's time in seconds, and numbers as text that keeps all digits."""


def open_cache(url: str) -> Cache:
    """`redis://[[user]:password@]host:port[/db][?prefix=name:]`, `rediss://` with TLS.

    Raises: Invalid for a wrong URL, login or version, Unavailable when no server answers.
    """
    address, prefix = split_prefix(url, field=_FIELD)
    check_server(address, field=_FIELD)
    return RedisCache(address, prefix)


def split_prefix(url: str, *, field: str) -> tuple[str, str]:
    """The URL as the client takes it, and our `prefix`.

    Raises: Invalid.
    """
    parts = urlsplit(url)
    given = parse_qs(parts.query)
    unknown = given.keys() - {"prefix"}
    if unknown or not parts.hostname:
        wrong = f"knows no {sorted(unknown)[0]!r}" if unknown else "must be redis://host:port/db"
        raise Invalid(wrong, field=field)
    return urlunsplit(parts._replace(query="")), given.get("prefix", [""])[0]


def check_server(address: str, *, field: str) -> None:
    """Raises: Invalid for a wrong login or version, Unavailable when no server answers."""
    with explained(address, field=field):
        try:
            client = redis.Redis.from_url(address, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        except ValueError as error:
            raise Invalid(f"is no redis:// address ({error})", field=field) from error
        with client:
            version = str(client.info("server")["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise Invalid(f"is version {version}; use Valkey, or Redis 6.2 or newer", field=field)


@contextmanager
def explained(address: str, *, field: str) -> Iterator[None]:
    """The client's errors in Bookstream's words."""
    shown = address.rpartition("@")[2].removeprefix("redis://")
    try:
        yield
    except (AuthenticationError, NoPermissionError) as error:
        raise Invalid(f"{shown} refuses the login ({error}); check user and password", field=field) from error
    except ResponseError as error:
        if "NOAUTH" in str(error) or "WRONGPASS" in str(error):
            raise Invalid(f"{shown} wants a password; put it into the URL", field=field) from error
        raise
    except (RedisError, OSError) as error:
        line = " ".join(str(error).split())
        raise Unavailable(f"{shown} doesn't answer ({line}); check {field} and that it runs") from error


class RedisCache:
    """One pool of connections; scripts are sent by their hash."""

    def __init__(self, address: str, prefix: str) -> None:
        self._address, self._prefix = address, prefix
        self._client = Redis.from_url(
            address, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, health_check_interval=15
        )
        self._scripts = {}  # type: ignore[var-annotated]  # the client's script type is generic over its kind

    async def get(self, key: str) -> bytes | None:
        """As Cache.get."""
        with self._explained():
            value = await self._client.get(self._prefix + key)
        return value.encode() if isinstance(value, str) else value

    async def set(self, key: str, value: bytes, *, ttl: float) -> None:
        """As Cache.set; to the millisecond."""
        with self._explained():
            await self._client.set(self._prefix + key, value, px=max(1, int(ttl * 1_000)))

    async def delete(self, prefix: str) -> int:
        """As Cache.delete; looks at every key of the server, some at a time."""
        wanted = _GLOB.sub(r"\\\1", self._prefix + prefix) + "*"
        dropped, cursor = 0, 0
        with self._explained():
            while True:
                cursor, keys = await self._client.scan(cursor, match=wanted, count=_SCAN)
                dropped += await self._client.unlink(*keys) if keys else 0
                if cursor == 0:
                    return dropped

    async def eval(self, script: Script, keys: Sequence[str], args: Sequence[float]) -> Sequence[float]:
        """As Cache.eval."""
        if script.name not in self._scripts:
            self._scripts[script.name] = self._client.register_script(_LUA + script.lua)
        named = [self._prefix + key for key in keys]
        with self._explained():
            answer = await self._scripts[script.name](keys=named, args=[repr(float(arg)) for arg in args])
        return [float(number) for number in answer]

    async def close(self) -> None:
        """As Cache.close."""
        await self._client.aclose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self._address, field=_FIELD):
            yield
