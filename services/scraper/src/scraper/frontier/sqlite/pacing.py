"""Pace of a host for one process: the generic cell rate algorithm that redis/lua/prelude.lua has for a
fleet."""

from collections.abc import Callable


class HostPace:
    """Request slots of one host. `interval`: seconds between two requests."""

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self._interval = interval
        self._clock = clock
        self._next = 0.0
        self._until = 0.0
        self._delay = 0.0

    @property
    def interval(self) -> float:
        """Seconds between two requests, Crawl-delay included."""
        return max(self._interval, self._delay)

    @property
    def hold_seconds(self) -> float:
        """Seconds until the hold of the host ends."""
        return max(0.0, self._until - self._clock())

    @property
    def wait_seconds(self) -> float:
        """Seconds until the next slot."""
        return max(self.hold_seconds, self._next - self._clock() if self.interval else 0.0, 0.0)

    def set_crawl_delay(self, delay: float) -> None:
        """Set the Crawl-delay of robots.txt; 0 removes it."""
        self._delay = delay

    def hold_host(self, seconds: float) -> None:
        """Extend the hold to at least so many seconds from now."""
        self._until = max(self._until, self._clock() + seconds)

    def count_slots(self, limit: int, *, ahead: float) -> int:
        """Number of slots, at most `limit`, that begin within `ahead` seconds."""
        if self.wait_seconds > ahead:
            return 0
        return min(limit, int((ahead - self.wait_seconds) / self.interval) + 1) if self.interval else limit

    def reserve_slots(self, slots: int) -> list[float | None]:
        """Reserve the next slots: seconds until each, None for a host without a pace."""
        first, apart = self.wait_seconds, self.interval
        if not apart:
            return [first or None] * slots
        self._next = self._clock() + first + slots * apart
        return [first + turn * apart for turn in range(slots)]
