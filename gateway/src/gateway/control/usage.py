"""Counting what each caller asks for, cheaply: a dictionary now, the database every few seconds."""

import asyncio
from contextlib import suppress

import structlog

from bookcore.domain.errors import BookstreamError
from bookcore.kit.clock import Clock, seconds_of
from gateway.control.access import Caller
from gateway.control.accounts.usage import HOUR, NO_KEY, Cell, Tally, UsageTable

_log = structlog.get_logger()
_EVERY_SECONDS = 5.0
_MOST_CELLS = 100_000
"""Past that many cells waiting for a database that is away, new ones aren't counted any more."""


class Usage:
    """For one event loop. A process that is killed loses the last few seconds of its counts."""

    def __init__(self, table: UsageTable, *, clock: Clock) -> None:
        self._table = table
        self._now = seconds_of(clock)
        self._waiting: dict[tuple[str, str, int], list[int]] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def count(self, caller: Caller, status: int) -> None:
        """One answered request of the caller; blocks for nothing."""
        now = int(self._now())
        key = (caller.user_id, caller.key_id or NO_KEY, now - now % HOUR)
        numbers = self._waiting.get(key)
        if numbers is None:
            if len(self._waiting) >= _MOST_CELLS:
                return
            numbers = self._waiting[key] = [0, 0, 0, 0]
        numbers[0] += 1
        numbers[1] += 400 <= status < 500
        numbers[2] += status >= 500
        numbers[3] = now

    async def flush(self) -> None:
        """Into the database; what it can't take now is kept and added to."""
        taken, self._waiting = self._waiting, {}
        if not taken:
            return
        tallies = {Cell(*key): Tally(*numbers) for key, numbers in taken.items()}
        try:
            await asyncio.to_thread(self._table.add, tallies)
        except BookstreamError as error:
            self._take_back(taken)
            _log.warning("usage not stored yet", error=str(error))

    def start(self) -> None:
        """Flush every few seconds until closed."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Flush for the last time."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self.flush()

    def _take_back(self, taken: dict[tuple[str, str, int], list[int]]) -> None:
        for key, numbers in taken.items():
            newer = self._waiting.get(key, [0, 0, 0, 0])
            total = [old + new for old, new in zip(numbers[:3], newer[:3], strict=True)]
            self._waiting[key] = [*total, max(numbers[3], newer[3])]

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._stopping.wait()
