"""The connection pool of one upstream address."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from gateway.upstream.connection import ConnectionOwner, ResponseHandler, UpstreamConnection
from gateway.upstream.messages import UpstreamFailure

MAX_CONNECTIONS = 256
MAX_WAITING = 1_024
IDLE_SECONDS = 2.0
"""Shorter than uvicorn's 5 s, so that a service doesn't close a connection just as a request is sent."""


class UpstreamTimeouts(NamedTuple):
    """In seconds: to connect, between two reads of a response, and to wait for a connection."""

    connect: float
    read: float
    wait: float


class PoolWaiter(ResponseHandler):
    """A request that waits for a connection; `is_over` once it was cancelled.

    `waiting_since` is in the loop's seconds.
    """

    __slots__ = ("is_over", "waiting_since")

    is_over: bool
    waiting_since: float

    def start(self, connection: UpstreamConnection) -> None:
        """Sends the request on that connection."""
        raise NotImplementedError


class ConnectionPool(ConnectionOwner):
    """At most 256 connections and 1,024 waiting requests. `host`: the Host header, "" for the URL's."""

    def __init__(self, url: str, timeouts: UpstreamTimeouts, *, host: str = "") -> None:
        self.url = url
        parts = urlsplit(url)
        self.host = (host or parts.netloc.rpartition("@")[2]).encode()
        self.prefix = parts.path.encode()
        self._address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeouts = timeouts
        self._idle: list[UpstreamConnection] = []
        self._all: set[UpstreamConnection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[PoolWaiter] = deque()

    def acquire(self, request: PoolWaiter) -> None:
        """Gives the request a connection, now or as soon as there is one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                request.start(connection)
                return
        if len(self._all) + len(self._opening) >= MAX_CONNECTIONS:
            if len(self._waiting) >= MAX_WAITING:
                request.on_failure(UpstreamFailure.POOL_EXHAUSTED)
            else:
                request.waiting_since = asyncio.get_running_loop().time()
                self._waiting.append(request)
            return
        task = asyncio.get_running_loop().create_task(self._open(request))
        self._opening.add(task)

    def cancel(self, request: PoolWaiter) -> None:
        """The request was cancelled while it waited."""
        with suppress(ValueError):
            self._waiting.remove(request)

    def release(self, connection: UpstreamConnection) -> None:
        """The connection can carry another request."""
        while self._waiting:
            request = self._waiting.popleft()
            if not request.is_over:
                request.start(connection)
                return
        self._idle.append(connection)

    def remove(self, connection: UpstreamConnection) -> None:
        """The connection is closed."""
        self._all.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        if self._waiting:
            self.acquire(self._waiting.popleft())

    def sweep(self, now: float) -> None:
        for connection in list(self._all):
            if connection.handler is not None and now - connection.last_activity > self._timeouts.read:
                connection.fail(UpstreamFailure.TIMEOUT)
        while self._waiting and now - self._waiting[0].waiting_since > self._timeouts.wait:
            self._waiting.popleft().on_failure(UpstreamFailure.POOL_EXHAUSTED)
        for connection in [c for c in self._idle if now - c.last_activity > IDLE_SECONDS]:
            connection.abort()

    def close_idle(self) -> None:
        """The service is about to close them."""
        for connection in list(self._idle):
            connection.abort()

    @property
    def is_unused(self) -> bool:
        """Whether it has no connection and no request."""
        return not (self._all or self._opening or self._waiting)

    async def close(self) -> None:
        """Closes all connections; requests under way fail."""
        for task in list(self._opening):
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft().on_failure(UpstreamFailure.UNREACHABLE)
        for connection in list(self._all):
            connection.fail(UpstreamFailure.DISCONNECTED)

    async def _open(self, request: PoolWaiter) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._address
        task = asyncio.current_task()
        connection = UpstreamConnection(self, loop)
        try:
            async with asyncio.timeout(self._timeouts.connect):
                await loop.create_connection(
                    lambda: cast(asyncio.Protocol, connection), host, port, ssl=self._tls
                )
        except (OSError, TimeoutError):
            self._opening.discard(task)
            request.on_failure(UpstreamFailure.UNREACHABLE)
            return
        self._opening.discard(task)
        self._all.add(connection)
        if request.is_over:
            self.release(connection)
        else:
            request.start(connection)
