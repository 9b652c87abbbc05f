"""A host's pace for one process: the generic cell rate algorithm, as lua/prelude.lua has it for a fleet."""

from collections.abc import Callable


class Pace:
    """When the host may be asked next; `interval` is the least time between two requests, in seconds."""

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self._interval = interval
        self._clock = clock
        self._next = 0.0
        self._until = 0.0
        self._delay = 0.0

    @property
    def apart(self) -> float:
        """Seconds between requests, Crawl-delay included."""
        return max(self._interval, self._delay)

    @property
    def hold(self) -> float:
        """Seconds that the host wants to be left alone."""
        return max(0.0, self._until - self._clock())

    @property
    def wait(self) -> float:
        """Seconds until the next slot."""
        return max(self.hold, self._next - self._clock() if self.apart else 0.0, 0.0)

    def slow_down(self, delay: float) -> None:
        """robots.txt has a Crawl-delay, or (0) none any more."""
        self._delay = delay

    def leave_alone(self, seconds: float) -> None:
        """At least so long."""
        self._until = max(self._until, self._clock() + seconds)

    def room(self, limit: int, *, ahead: float) -> int:
        """How many slots, at most `limit`, begin within so many seconds."""
        if self.wait > ahead:
            return 0
        return min(limit, int((ahead - self.wait) / self.apart) + 1) if self.apart else limit

    def promise(self, slots: int) -> list[float | None]:
        """Give out the next slots: seconds from now to each, None when nothing keeps them apart."""
        first, apart = self.wait, self.apart
        if not apart:
            return [first or None] * slots
        self._next = self._clock() + first + slots * apart
        return [first + turn * apart for turn in range(slots)]
