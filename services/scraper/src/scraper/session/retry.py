"""Stores block and may be away for a while: both are waited out without stopping the crawl's loop."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from bookcore.domain.errors import Unavailable

_INITIAL_PAUSE = 0.1
_MAX_PAUSE = 5.0

T = TypeVar("T")


async def retry_while_unavailable(act: Callable[[], T], *, patience: float) -> T:
    """Do it in a thread, again while it is unavailable and so many seconds haven't passed.

    Raises: Unavailable as `act` did at last.
    """
    give_up_at = time.monotonic() + patience
    pause = _INITIAL_PAUSE
    while True:
        try:
            return await asyncio.to_thread(act)
        except Unavailable:
            left = give_up_at - time.monotonic()
            if left <= 0:
                raise
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, _MAX_PAUSE)
