"""Accepts client connections in batches.

libuv accepts one connection in each turn of its loop. With thousands of busy connections a turn takes tens of
milliseconds, so the listen queue overflows, and clients whose handshake was dropped wait for seconds.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial

from bookcore.kit.logger import get_logger

_log = get_logger(__name__)
_BATCH = 512
"""Connections accepted in one turn; the next turn goes on after requests had theirs."""
_BACKLOG = 65_535
"""Of the listen queue; Linux takes at most net.core.somaxconn."""
_PAUSE_SECONDS = 0.5
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class _AcceptedSocket(socket.socket):
    """uvloop asks for family and type; those of `socket.socket` look up enumerations each time.

    A subclass of it all the same: uvloop detaches only those, and closes the descriptor of others twice.
    """

    family = socket.AF_INET  # AF_INET6 is handled alike
    type = socket.SOCK_STREAM


class Acceptor:
    """Listens on one bound socket, which its owner closes. Out of files, it waits half a second.

    `create_protocol` is given the address and port of the client.
    """

    def __init__(
        self,
        listener: socket.socket,
        create_protocol: Callable[[tuple[str, int]], asyncio.Protocol],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._listener, self._create_protocol, self._loop = listener, create_protocol, loop
        self._family = listener.family
        self._opening: set[asyncio.Task[tuple[asyncio.Transport, asyncio.Protocol]]] = set()
        self._is_closed = False
        self._retry: asyncio.TimerHandle | None = None
        listener.settimeout(0)
        listener.listen(_BACKLOG)
        loop.add_reader(listener.fileno(), self._accept_batch)

    def close(self) -> None:
        """Accepts what has been queued, then stops; the listening socket stays open."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._listener.fileno())
            if self._retry is not None:
                self._retry.cancel()
            self._accept_batch()

    async def wait_closed(self) -> None:
        """Until every accepted connection has its protocol."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _accept_batch(self) -> None:
        for _ in range(_BATCH):
            try:
                descriptor, address = self._listener._accept()  # type: ignore[attr-defined]  # no typeshed entry
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_FILES:
                    raise
                self._pause(error)
                return
            connection = _AcceptedSocket(self._family, socket.SOCK_STREAM, 0, descriptor)
            create_protocol = partial(self._create_protocol, address[:2])
            opening = self._loop.create_task(self._loop.connect_accepted_socket(create_protocol, connection))
            self._opening.add(opening)
            opening.add_done_callback(self._on_opened)

    def _on_opened(self, opening: "asyncio.Task[tuple[asyncio.Transport, asyncio.Protocol]]") -> None:
        self._opening.discard(opening)
        if not opening.cancelled() and (error := opening.exception()) is not None:
            _log.warning("opening an accepted connection failed", error=str(error))

    def _pause(self, error: OSError) -> None:
        if self._is_closed:
            return
        _log.error("accepting a connection failed; retrying", error=str(error))
        self._loop.remove_reader(self._listener.fileno())
        self._retry = self._loop.call_later(
            _PAUSE_SECONDS, self._loop.add_reader, self._listener.fileno(), self._accept_batch
        )
