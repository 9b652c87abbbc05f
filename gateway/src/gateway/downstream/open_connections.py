"""The connections of a server, and their deadlines."""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Sweepable(Protocol):
    """A connection with deadlines."""

    def sweep(self, now: float) -> None:
        """Close what has waited too long."""


class OpenConnections:
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
