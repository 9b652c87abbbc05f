"""A host's pace for one process: the generic cell rate algorithm, as lua/prelude.lua has it for a fleet."""

from collections.abc import Callable


class HostPace:
    """When the host may be asked next; `interval` is the least time between two requests, in seconds."""

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self._interval = interval
        self._clock = clock
        self._next = 0.0
        self._until = 0.0
        self._delay = 0.0

    @property
    def interval(self) -> float:
        """Seconds between requests, Crawl-delay included."""
        return max(self._interval, self._delay)

    @property
    def hold_seconds(self) -> float:
        """Seconds that the host wants to be left alone."""
        return max(0.0, self._until - self._clock())

    @property
    def wait_seconds(self) -> float:
        """Seconds until the next slot."""
        return max(self.hold_seconds, self._next - self._clock() if self.interval else 0.0, 0.0)

    def set_crawl_delay(self, delay: float) -> None:
        """robots.txt has a Crawl-delay, or (0) none any more."""
        self._delay = delay

    def hold_host(self, seconds: float) -> None:
        """At least so long."""
        self._until = max(self._until, self._clock() + seconds)

    def count_slots(self, limit: int, *, ahead: float) -> int:
        """How many slots, at most `limit`, begin within so many seconds."""
        if self.wait_seconds > ahead:
            return 0
        return min(limit, int((ahead - self.wait_seconds) / self.interval) + 1) if self.interval else limit

    def reserve_slots(self, slots: int) -> list[float | None]:
        """Give out the next slots: seconds from now to each, None when nothing keeps them apart."""
        first, apart = self.wait_seconds, self.interval
        if not apart:
            return [first or None] * slots
        self._next = self._clock() + first + slots * apart
        return [first + turn * apart for turn in range(slots)]
