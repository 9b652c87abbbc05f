"""The open client connections of a server."""

import asyncio
from collections.abc import Callable, Collection

from gateway.timeouts import HasDeadlines

_LINGER_SECONDS = 2.0
_MOST_LINGERING = 1_000


class OpenConnections:
    """Sweeps the timeouts of the connections once a second, and closes refused ones gently."""

    def __init__(self) -> None:
        self._list: Callable[[], Collection[object]] = tuple
        self._next = 0.0
        self._lingering_count = 0

    def watch(self, list_connections: Callable[[], Collection[object]]) -> None:
        """Sets where the server keeps its connections; those without deadlines are ignored."""
        self._list = list_connections

    def count(self) -> int:
        return len(self._list())

    def linger(self, transport: asyncio.Transport) -> bool:
        """Ends what is sent to a client now and closes its connection after two seconds, or when it closes.

        Closed at once, with bytes of the client unread, its connection would be reset, and the response lost.
        False with 1,000 such connections: the caller closes.
        """
        if self._lingering_count >= _MOST_LINGERING:
            return False
        self._lingering_count += 1
        transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._end_lingering, transport)
        return True

    def _end_lingering(self, transport: asyncio.Transport) -> None:
        self._lingering_count -= 1
        transport.close()

    def sweep(self, now: float) -> None:
        if now < self._next:
            return
        self._next = now + 1.0
        for connection in list(self._list()):
            if isinstance(connection, HasDeadlines):
                connection.sweep(now)
