"""What is counted in memory and written from time to time."""

import asyncio
from contextlib import suppress


class PeriodicFlusher:
    """For one event loop: `flush` every so many seconds from `start` until `close`, and then once more."""

    def __init__(self, *, every: float) -> None:
        self._every = every
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def flush(self) -> None:
        """Write what has come together; what can't be written now is kept."""
        raise NotImplementedError

    def start(self) -> None:
        """Needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Flush for the last time."""
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
