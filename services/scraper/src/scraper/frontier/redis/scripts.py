"""Scripts on a Valkey or Redis server: each call is one script, so nothing comes in between its steps.

Written for one server, with replicas or without; not for Redis Cluster, as a script touches the keys of the
source and of its host. A connection that broke is tried once more: each script is either idempotent or fenced
by a token, and a lease whose answer was lost merely runs out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import cast
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from bookcore.cache.redis.server import check_tls, format_server, split_prefix
from bookcore.domain.errors import Invalid, Unavailable
from bookcore.kit.tls import OPTIONS, explain_tls_error

ScriptArgument = str | int | bytes
ScriptReply = list[bytes]

_SETTING = "BOOKSTREAM_FRONTIER_URL"
_OLDEST = (6, 2)
_SECONDS = 5.0
_LUA = files("scraper.frontier.redis") / "lua"


class ScriptStore:
    """One server; `prefix` stands before every key."""

    def __init__(self, url: str) -> None:
        _check_url(url)
        address, self.prefix = split_prefix(url, field=_SETTING)
        self._address = address
        self._is_tls = address.startswith("rediss:")
        self._display_url = (
            address.partition("://")[0] + "://" + format_server(address).removeprefix("rediss://")
        )
        self._client = redis.Redis.from_url(
            address,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            retry=Retry(NoBackoff(), 1),
            protocol=2,
        )
        prelude = (_LUA / "prelude.lua").read_text()
        self._scripts = {
            file.name.removesuffix(".lua"): self._client.register_script(prelude + file.read_text())
            for file in _LUA.iterdir()
            if file.name.endswith(".lua") and file.name != "prelude.lua"
        }
        self._check_server()

    def run_script(self, script: str, keys: Sequence[str], args: Sequence[ScriptArgument]) -> ScriptReply:
        """What the script of lua/<name>.lua answers; a number becomes a list of one. Raises: Unavailable."""
        with self._translate_errors():
            answer = self._scripts[script](keys=list(keys), args=list(args))
        return cast(ScriptReply, answer if isinstance(answer, list) else [b"%d" % answer])

    def execute(self, *command: ScriptArgument) -> object:
        """Look at a key. Raises: Unavailable."""
        with self._translate_errors():
            return cast(object, self._client.execute_command(*command))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Free the connections."""
        self._client.close()

    def _check_server(self) -> None:
        """Raises: Invalid for wrong credentials or a server that is too old."""
        try:
            with self._translate_errors():
                check_tls(self._address, field=_SETTING)
                info = cast(dict[str, str], self._client.info("server"))
        except Unavailable:
            self.close()
            raise
        version = str(info.get("redis_version", "0"))
        if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
            raise Invalid(
                f"{self._display_url} is version {version}; Redis 6.2 or Valkey is needed", field=_SETTING
            )

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except AuthenticationError as error:
            remedy = "check the password in the URL"
            raise Invalid(f"{self._display_url} refuses the credentials; {remedy}", field=_SETTING) from error
        except ResponseError as error:
            if str(error).startswith(("NOAUTH", "WRONGPASS", "NOPERM")):
                raise Invalid(
                    f"{self._display_url} refuses: {error}; check the URL", field=_SETTING
                ) from error
            raise self._build_unavailable(error, "make room on it or mend it") from error
        except (RedisError, OSError) as error:
            raise self._build_unavailable(error, f"check that it runs, and {_SETTING}") from error

    def _build_unavailable(self, error: Exception, remedy: str) -> Unavailable:
        why = (self._is_tls and explain_tls_error(str(error))) or error
        return Unavailable(f"the frontier at {self._display_url} can't be used ({why}); {remedy}")


def _check_url(url: str) -> None:
    """Raises: Invalid without repeating the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
        known = parts.port is None or parts.port > 0
    except ValueError:
        known = False
    if not known or not parts.hostname or set(parse_qs(parts.query)) - {"prefix"} - OPTIONS:
        raise Invalid("must be redis://[:password@]host:port/0?prefix=NAME:", field=_SETTING)
    if not (parts.path.strip("/") or "0").isdecimal():
        raise Invalid("the path of a redis:// URL is the number of its database", field=_SETTING)
