"""Periodic flush of counts that are collected in memory."""

import asyncio
from contextlib import suppress


class PeriodicFlusher:
    """Calls `flush` every so many seconds from `start` until `close`, which flushes once more. For one
    event loop."""

    def __init__(self, *, every: float) -> None:
        self._every = every
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def flush(self) -> None:
        """Write the collected counts; keep them after a failure."""
        raise NotImplementedError

    def start(self) -> None:
        """Needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop, then flush once more."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self.flush()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()
