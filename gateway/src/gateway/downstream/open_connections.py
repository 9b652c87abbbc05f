"""The open client connections of a server."""

from collections.abc import Callable, Iterable

from gateway.timeouts import HasDeadlines


class OpenConnections:
    """Sweeps the timeouts of the connections once a second."""

    def __init__(self) -> None:
        self._list: Callable[[], Iterable[object]] = tuple
        self._next = 0.0

    def watch(self, list_connections: Callable[[], Iterable[object]]) -> None:
        """Sets where the server keeps its connections; those without deadlines are ignored."""
        self._list = list_connections

    def count(self) -> int:
        return sum(1 for _ in self._list())

    def sweep(self, now: float) -> None:
        if now < self._next:
            return
        self._next = now + 1.0
        for connection in list(self._list()):
            if isinstance(connection, HasDeadlines):
                connection.sweep(now)
