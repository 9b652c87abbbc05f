"""The connections to one address of a service, and how that address has been doing."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

from gateway.upstream.connection import Connection, ConnectionOwner, ResponseHandler
from gateway.upstream.request import Failure

MOST_CONNECTIONS = 256
MOST_WAITING = 1_024
IDLE_SECONDS = 2.0
"""Shorter than uvicorn's 5, so that a service doesn't hang up just as a request goes out."""


class PoolWaiter(ResponseHandler):
    """A request that waits for a connection; `is_over` once it was given up."""

    __slots__ = ("is_over",)

    is_over: bool

    def begin(self, connection: Connection) -> None:
        """A connection is available."""
        raise NotImplementedError


class Pool(ConnectionOwner):
    """At most 256 connections; more calls wait in line, and beyond 1,024 of those none is taken."""

    def __init__(self, url: str, *, connect_seconds: float, read_seconds: float) -> None:
        self.url = url
        parts = urlsplit(url)
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.prefix = parts.path.encode()
        self._place = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[PoolWaiter] = deque()

    def take(self, call: PoolWaiter) -> None:
        """Give the call a connection, now or as soon as there is one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                call.begin(connection)
                return
        if len(self._all) + len(self._opening) >= MOST_CONNECTIONS:
            if len(self._waiting) >= MOST_WAITING:
                call.failed(Failure.FULL)
            else:
                self._waiting.append(call)
            return
        task = asyncio.get_running_loop().create_task(self._open(call))
        self._opening.add(task)

    def forget(self, call: PoolWaiter) -> None:
        """The call was given up while it waited."""
        with suppress(ValueError):
            self._waiting.remove(call)

    def returned(self, connection: Connection) -> None:
        """A call has ended and the connection is good for another."""
        while self._waiting:
            call = self._waiting.popleft()
            if not call.is_over:
                call.begin(connection)
                return
        self._idle.append(connection)

    def closed(self, connection: Connection) -> None:
        """It is no more."""
        self._all.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        if self._waiting:
            self.take(self._waiting.popleft())

    def sweep(self, now: float) -> None:
        """As Swept."""
        for connection in list(self._all):
            if connection.call is not None and now - connection.since > self.read_seconds:
                connection.fail(Failure.SLOW)
        for connection in [c for c in self._idle if now - c.since > IDLE_SECONDS]:
            connection.drop()

    def drop_idle(self) -> None:
        """The other end is about to close them."""
        for connection in list(self._idle):
            connection.drop()

    async def close(self) -> None:
        """Drop everything; calls under way fail."""
        for task in list(self._opening):
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft().failed(Failure.REFUSED)
        for connection in list(self._all):
            connection.fail(Failure.BROKEN)

    async def _open(self, call: PoolWaiter) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._place
        task = asyncio.current_task()
        connection = Connection(self, loop)
        try:
            async with asyncio.timeout(self._connect_seconds):
                await loop.create_connection(
                    lambda: cast(asyncio.Protocol, connection), host, port, ssl=self._tls
                )
        except (OSError, TimeoutError):
            self._opening.discard(task)
            call.failed(Failure.REFUSED)
            return
        self._opening.discard(task)
        self._all.add(connection)
        if call.is_over:
            self.returned(connection)
        else:
            call.begin(connection)
