"""The clock port: the only source of the current time, replaceable in tests."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Aware UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def make_seconds_clock(clock: Clock) -> Callable[[], float]:
    """The clock as seconds since 1970; time.time itself for the system clock."""
    return time.time if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()
