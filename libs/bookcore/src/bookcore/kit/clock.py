"""The one place that asks what time it is, so that a test can say."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Aware UTC."""

    def now(self) -> datetime:
        """This moment."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """This moment."""
        return datetime.now(UTC)


def make_seconds_clock(clock: Clock) -> Callable[[], float]:
    """The clock as seconds since 1970, the cheap way when it is the machine's."""
    return time.time if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()
