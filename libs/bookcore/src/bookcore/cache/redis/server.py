"""The address of a Valkey or Redis server, and the translation of the client's errors."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.kit.tls import OPTIONS, TlsFiles, check_handshake, explain_tls_error, parse_tls_files

_TIMEOUT = 2.0  # seconds to connect, and for an answer
_PORT = 6379
_OLDEST = (6, 2)
_CLIENT_OPTIONS = {"cafile": "ssl_ca_certs", "certfile": "ssl_certfile", "keyfile": "ssl_keyfile"}


def split_prefix(url: str, *, field: str) -> tuple[str, str]:
    """Splits our `prefix` option from the URL that the client accepts, with its names of the TLS options.

    Raises: Invalid, also for unusable files of TLS.
    """
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = given.keys() - {"prefix"} - OPTIONS
    if unknown or not parts.hostname:
        wrong = f"knows no {sorted(unknown)[0]!r}" if unknown else "must be redis://host:port/db"
        raise Invalid(wrong, field=field)
    is_tls = parts.scheme == "rediss"
    tls = parse_tls_files(given, is_tls=is_tls, field=field)
    if is_tls:
        tls.create_context(field=field)
    query = urlencode({name: given[ours] for ours, name in _CLIENT_OPTIONS.items() if ours in given})
    return urlunsplit(parts._replace(query=query)), given.get("prefix", "")


def parse_client_files(address: str) -> TlsFiles:
    """The files of TLS in a URL that the client accepts."""
    given = dict(parse_qsl(urlsplit(address).query))
    return TlsFiles(**{ours: given[name] for ours, name in _CLIENT_OPTIONS.items() if name in given})


def format_server(address: str) -> str:
    """The server in errors and logs: without user, password and options."""
    return address.rpartition("@")[2].removeprefix("redis://").partition("?")[0]


def check_server(address: str, *, field: str) -> None:
    """Raises: Invalid for a wrong login or version, Unavailable when no server answers."""
    with translate_errors(address, field=field):
        check_tls(address, field=field)
        try:
            client = redis.Redis.from_url(address, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        except ValueError as error:
            raise Invalid(f"is no redis:// address ({error})", field=field) from error
        with client:
            version = str(client.info("server")["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise Invalid(f"is version {version}; use Valkey, or Redis 6.2 or newer", field=field)


def check_tls(address: str, *, field: str) -> None:
    """A server without TLS is silent, which the client takes for a lost network. Raises: Invalid, OSError."""
    parts = urlsplit(address)
    if parts.scheme != "rediss" or not parts.hostname:
        return
    context = parse_client_files(address).create_context(field=field)
    where = (parts.hostname, parts.port or _PORT)
    with socket.create_connection(where, timeout=_TIMEOUT) as connection:
        check_handshake(connection, context, parts.hostname)


@contextmanager
def translate_errors(address: str, *, field: str) -> Iterator[None]:
    """Translates the client's errors to Invalid or Unavailable."""
    shown = format_server(address)
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
        line = (address.startswith("rediss:") and explain_tls_error(line)) or line
        raise Unavailable(f"{shown} does not answer ({line}); check {field} and the server") from error
