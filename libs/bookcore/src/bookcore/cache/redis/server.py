"""The address of a Valkey or Redis server, and the translation of the client's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit, urlunsplit

import redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from bookcore.domain.errors import Invalid, Unavailable

_TIMEOUT = 2.0  # seconds to connect, and for an answer
_OLDEST = (6, 2)


def split_prefix(url: str, *, field: str) -> tuple[str, str]:
    """Splits our `prefix` option from the URL that the client accepts.

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
    with translate_errors(address, field=field):
        try:
            client = redis.Redis.from_url(address, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        except ValueError as error:
            raise Invalid(f"is no redis:// address ({error})", field=field) from error
        with client:
            version = str(client.info("server")["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise Invalid(f"is version {version}; use Valkey, or Redis 6.2 or newer", field=field)


@contextmanager
def translate_errors(address: str, *, field: str) -> Iterator[None]:
    """Translates the client's errors to Invalid or Unavailable."""
    shown = address.rpartition("@")[2].removeprefix("redis://")
    try:
        yield
    except (AuthenticationError, NoPermissionError) as error:
        raise Invalid(f"{shown} rejects the login ({error}); check user and password", field=field) from error
    except ResponseError as error:
        if "NOAUTH" in str(error) or "WRONGPASS" in str(error):
            raise Invalid(f"{shown} requires a password; add it to the URL", field=field) from error
        raise
    except (RedisError, OSError) as error:
        line = " ".join(str(error).split())
        raise Unavailable(f"{shown} does not answer ({line}); check {field} and the server") from error
