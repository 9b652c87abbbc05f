"""The clock port: the only source of the current time, replaceable in tests.

The wall clock says when something happened. It may be stepped, by seconds or hours, in both directions; so
whatever lasts (limits, timeouts, lifetimes in memory) is measured by the monotonic clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day, and the time that has passed."""

    def now(self) -> datetime:
        """The wall clock: aware UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def make_seconds_clock(clock: Clock) -> Callable[[], float]:
    """The wall clock as seconds since 1970; time.time itself for the system clock."""
    return time.time if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()


def make_monotonic_clock(clock: Clock) -> Callable[[], float]:
    """The monotonic clock; time.monotonic itself for the system clock."""
    return time.monotonic if isinstance(clock, SystemClock) else clock.monotonic


def make_steady_clock(clock: Clock) -> Callable[[], float]:
    """Seconds since 1970 by the wall clock of this moment, from which it goes on without any step."""
    start = clock.now().timestamp() - clock.monotonic()
    return lambda: start + clock.monotonic()
