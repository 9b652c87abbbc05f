"""A TCP proxy on loopback that injects network faults: delay, reset, silence, truncation."""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: closing sends RST
_REQUESTS = (b"GET ", b"PUT ", b"POST ", b"HEAD ", b"DELETE ")
_HOST = "127.0.0.1"
_PORT_WAIT = 20.0  # seconds; a wished port may still belong to a process that is ending


class FaultProxy:
    """Forwards to a local port; a context manager. Every method is thread-safe."""

    def __init__(self, target: int, *, port: int = 0) -> None:
        self.port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0
        self._cuts = 0
        self._cut_after: bytes | None = None
        self._answers: list[bytes] = []
        self.struck = Event()
        """Set once a fault that waits for its moment (`cut`, `cut_after`, `answer`) has happened."""
        self._ready = Event()
        self._thread = Thread(target=self._serve, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        """Listens; raises OSError when another socket keeps the wished port for `_PORT_WAIT` seconds."""
        self._listener = _listen(self.port)
        self.port = self._listener.getsockname()[1]
        self._thread.start()
        assert self._ready.wait(_PORT_WAIT), "the proxy's thread did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def delay(self, seconds: float) -> None:
        """Delays data in both directions by that many seconds; 0 ends it."""
        self._delay = seconds

    def reset(self) -> None:
        """Resets every open connection, as a crashed peer would."""
        self._do(self._break_all)

    def stall(self) -> None:
        """Half-open: connections stay and new ones are accepted, but no data passes."""
        self._do(self._flowing.clear)

    def resume(self) -> None:
        """Stalled connections are dead, new ones work."""
        self._do(self._break_all)
        self._do(self._flowing.set)

    def drop_connections(self, times: int) -> None:
        """Truncates the next responses in the middle and closes the connection."""
        self._cuts = times

    def drop_after(self, word: bytes) -> None:
        """Forwards the next request with this word and closes the connection before its response."""
        self._cut_after = word

    def respond(self, response: bytes, times: int) -> None:
        """Responds to the next HTTP requests without asking the server."""
        self._answers = [response] * times

    def _do(self, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, sock=self._listener))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._break_all()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(_HOST, self._target)
        except OSError:
            _break(writer)
            return
        pair = {writer, far_writer}
        self._open |= pair
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(reader, far_writer, writer))
                both.create_task(self._answers_of(far_reader, writer))
        except* OSError:
            pass  # one of the two has gone, as they do
        finally:
            self._open -= pair
            for each in pair:
                _break(each)

    async def _requests(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, near: asyncio.StreamWriter
    ) -> None:
        while data := await self._next(reader):
            if self._answers and data.startswith(_REQUESTS):
                near.write(self._answers.pop())
                await near.drain()
                near.close()
                self.struck.set()
                raise ConnectionAbortedError
            far.write(data)
            await far.drain()
            if self._cut_after is not None and self._cut_after in data:
                self._cut_after = None
                self.struck.set()
                raise ConnectionAbortedError
        raise ConnectionAbortedError

    async def _answers_of(self, far: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        while data := await self._next(far):
            if self._cuts > 0:
                self._cuts -= 1
                near.write(data[: len(data) // 2])
                await near.drain()
                self.struck.set()
                raise ConnectionAbortedError
            near.write(data)
            await near.drain()
        raise ConnectionAbortedError

    async def _next(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(_CHUNK)
        if self._delay:
            await asyncio.sleep(self._delay)
        await self._flowing.wait()
        return data

    def _break_all(self) -> None:
        for writer in list(self._open):
            _break(writer)


def _listen(port: int) -> socket.socket:
    deadline = time.monotonic() + _PORT_WAIT
    while True:
        try:
            return socket.create_server((_HOST, port), backlog=100)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        Event().wait(0.1)


def _break(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, AttributeError):
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
