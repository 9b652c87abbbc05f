"""The event loop of a process, asked by other threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import get_ident
from typing import TypeVar

from bookcore.domain.errors import Unavailable

_SECONDS = 5.0
T = TypeVar("T")


class EventLoopGate:
    """Runs functions in the event loop, from any thread. Without a running loop they run where they are
    called."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def open(self) -> None:
        """The loop is the running one."""
        self._loop, self._thread = asyncio.get_running_loop(), get_ident()

    def close(self) -> None:
        """The loop is about to end."""
        self._loop = None

    def call(self, function: Callable[[], T]) -> T:
        """The function's result. Raises: its error; Unavailable when the loop doesn't turn in time."""
        loop = self._loop
        if loop is None or get_ident() == self._thread:
            return function()
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function())
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                result.set_exception(error)

        try:
            loop.call_soon_threadsafe(run)
            return result.result(self._seconds)
        except TimeoutError as error:
            raise Unavailable(f"the event loop hasn't turned for {self._seconds:g} s") from error

    def check(self) -> None:
        """Raises: Unavailable when the loop doesn't turn in time."""
        self.call(lambda: None)
