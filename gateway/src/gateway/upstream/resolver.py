"""Addresses of a service by DNS: `dns+http://name:port` is every address of the name, resolved anew.

A headless Service of Kubernetes has one record for each ready pod, so that health, ejection and draining
work pod by pod.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from bookcore.kit.logger import get_logger
from gateway.upstream.upstream import BY_NAME, Upstream

RESOLVE_SECONDS = 5.0
_log = get_logger(__name__)
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""(name, port) -> addresses. Raises: OSError."""


async def look_up(name: str, port: int) -> Sequence[str]:
    """IPv4 and IPv6 addresses by the system's resolver. Raises: OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class NameResolver:
    """Resolves the names of one upstream every five seconds, in a task beside the requests.

    A failed or empty answer keeps the addresses of before and is counted; one that is late delays nothing but
    the next question.
    """

    def __init__(self, upstream: Upstream, urls: Sequence[str], *, lookup: Lookup = look_up) -> None:
        self._upstream = upstream
        self._fixed = [url for url in urls if not url.startswith(BY_NAME)]
        self._names = [url for url in urls if url.startswith(BY_NAME)]
        self._lookup = lookup
        self._known: dict[str, Sequence[str]] = {}
        self._next = 0.0
        self._task: asyncio.Task[None] | None = None

    def sweep(self, now: float) -> None:
        """Starts a resolution when one is due and none is under way."""
        if self._names and now >= self._next and (self._task is None or self._task.done()):
            self._next = now + RESOLVE_SECONDS
            self._task = asyncio.get_running_loop().create_task(self.resolve())

    async def resolve(self) -> None:
        """Asks for all names at the same time and changes the upstream's addresses."""
        await asyncio.gather(*(self._resolve_name(name) for name in self._names))
        resolved = [url for name in self._names for url in self._known.get(name, ())]
        self._upstream.replace_addresses(dict.fromkeys(self._fixed, "") | self._map_hosts(resolved))

    def close(self) -> None:
        """Resolves no more."""
        self._names = []
        if self._task is not None:
            self._task.cancel()

    def _map_hosts(self, urls: Sequence[str]) -> dict[str, str]:
        hosts = {url: urlsplit(name).netloc for name, known in self._known.items() for url in known}
        return {url: hosts[url] for url in urls}

    async def _resolve_name(self, url: str) -> None:
        parts = urlsplit(url.removeprefix(BY_NAME))
        try:
            found = await self._lookup(parts.hostname or "", parts.port or 80)
        except (OSError, UnicodeError) as error:
            found = []
            _log.warning("name not resolved; the addresses of before are kept", name=url, error=str(error))
        self._upstream.count_resolution(is_good=bool(found))
        if found:
            port = f":{parts.port}" if parts.port else ""
            addresses = sorted({f"[{host}]" if ":" in host else host for host in found})
            self._known[url] = [f"http://{host}{port}{parts.path}" for host in addresses]


class NameResolvers:
    """Those of a gateway: one for each service that is given by a name."""

    def __init__(self, urls: Mapping[Upstream, Sequence[str]]) -> None:
        self._resolvers = [
            NameResolver(upstream, given)
            for upstream, given in urls.items()
            if any(url.startswith(BY_NAME) for url in given)
        ]

    async def resolve(self) -> None:
        """Before the first request; a name that isn't resolved in time is asked for again later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RESOLVE_SECONDS):
                await asyncio.gather(*(resolver.resolve() for resolver in self._resolvers))

    def sweep(self, now: float) -> None:
        """Starts the resolutions that are due."""
        for resolver in self._resolvers:
            resolver.sweep(now)

    def close(self) -> None:
        """Resolves no more."""
        for resolver in self._resolvers:
            resolver.close()
