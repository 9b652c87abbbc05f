"""One timer for all timeouts of a process, instead of one for each request."""

import asyncio
from typing import Protocol, runtime_checkable

TICK_SECONDS = 0.1


@runtime_checkable
class HasDeadlines(Protocol):
    """A component with timeouts."""

    def sweep(self, now: float) -> None:
        """Ends what is overdue at `now`, in the loop's seconds."""


class TimeoutSweeper:
    """Sweeps its components every 0.1 s between `start` and `stop`; needs a running loop."""

    def __init__(self) -> None:
        self._components: list[HasDeadlines] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, component: HasDeadlines) -> None:
        self._components.append(component)

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._run)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TICK_SECONDS, self._run)
        now = loop.time()
        for component in self._components:
            component.sweep(now)
