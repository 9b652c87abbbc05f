"""Runs blocking calls of stores in a thread and retries them while the store is unavailable."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from bookcore.domain.errors import Unavailable

_INITIAL_PAUSE = 0.1
_MAX_PAUSE = 5.0

T = TypeVar("T")


async def retry_while_unavailable(operation: Callable[[], T], *, patience: float) -> T:
    """Result of the operation, tried again for up to `patience` seconds with doubling pauses.

    Raises: Unavailable of the last try.
    """
    deadline = time.monotonic() + patience
    pause = _INITIAL_PAUSE
    while True:
        try:
            return await asyncio.to_thread(operation)
        except Unavailable:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise
            await asyncio.sleep(min(pause, remaining))
            pause = min(pause * 2, _MAX_PAUSE)
