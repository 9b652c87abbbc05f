"""What every connection of a process shares."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol, runtime_checkable

from gateway.control.usage import Usage
from gateway.core.clients import Crowd, Proxies
from gateway.dataplane.doorkeeper import Doorkeeper
from gateway.dataplane.lane import FastLane
from gateway.dataplane.observe import Observer


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a connection; a client's silence is bounded before its head is here and between two requests."""

    head_bytes: int = 32_768
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    leaving_seconds: float = 1.0


class DateLine:
    """The Date header, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        """With its line end."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = b"date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line


@runtime_checkable
class Sweepable(Protocol):
    """A connection with deadlines."""

    def sweep(self, now: float) -> None:
        """Close what has waited too long."""


class Connections:
    """Those of the server, looked at once a second; as Swept."""

    def __init__(self) -> None:
        self._all: Callable[[], Iterable[object]] = tuple
        self._next = 0.0

    def watch(self, connections: Callable[[], Iterable[object]]) -> None:
        """Where they are to be found; what has no deadlines among them is left alone."""
        self._all = connections

    def count(self) -> int:
        """How many there are."""
        return sum(1 for _ in self._all())

    def sweep(self, now: float) -> None:
        """As Swept."""
        if now < self._next:
            return
        self._next = now + 1.0
        for connection in list(self._all()):
            if isinstance(connection, Sweepable):
                connection.sweep(now)


@dataclass(frozen=True, slots=True)
class Inside:
    """The data plane as a connection sees it."""

    lane: FastLane
    observer: Observer
    usage: Usage
    date: DateLine
    limits: Limits
    connections: Connections
    doorkeeper: Doorkeeper
    proxies: Proxies
    crowd: Crowd
