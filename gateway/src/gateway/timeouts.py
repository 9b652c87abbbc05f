"""One timer for everything that can take too long, instead of one for each request."""

import asyncio
from typing import Protocol

TICK_SECONDS = 0.1


class HasDeadlines(Protocol):
    """What has deadlines."""

    def sweep(self, now: float) -> None:
        """Give up what is overdue at `now`, in the loop's seconds."""


class TimeoutSweeper:
    """Runs from start to stop."""

    def __init__(self) -> None:
        self._swept: list[HasDeadlines] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, swept: HasDeadlines) -> None:
        """Look at this one too."""
        self._swept.append(swept)

    def start(self) -> None:
        """Needs a running loop."""
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def stop(self) -> None:
        """No more deadlines."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TICK_SECONDS, self._tick)
        now = loop.time()
        for swept in self._swept:
            swept.sweep(now)
