"""Waits until the catalogue has what was published."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")
_POLL_INTERVAL = 0.02  # seconds


def poll_until(read: Callable[[], T | None], *, within: float) -> T | None:
    """What `read` finds first; None when that is nothing for so many seconds."""
    deadline = time.monotonic() + within
    pause = Event()
    while True:
        found = read()
        if found is not None or time.monotonic() >= deadline:
            return found
        pause.wait(_POLL_INTERVAL)
