"""A service that mostly fails is asked seldom until it answers again."""

from collections.abc import Callable

FAILURE_THRESHOLD = 20
"""Of a window, below which nothing is concluded."""
WINDOW_SECONDS = 10.0
PROBE_SECONDS = 1.0


class CircuitBreaker:
    """Opens when of a window's calls at least 20, and at least half, failed; then one call a second tries.

    The first that is answered closes it. Repetitions at other addresses come before it: it counts what in the
    end was no answer. `now` gives seconds.
    """

    __slots__ = ("_answered", "_began", "_failed", "_next_try", "_now", "is_open")

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._began = self._next_try = 0.0
        self._answered = self._failed = 0
        self.is_open = False

    def allows_request(self) -> bool:
        """Whether a call may be made now."""
        if not self.is_open:
            return True
        now = self._now()
        if now < self._next_try:
            return False
        self._next_try = now + PROBE_SECONDS
        return True

    def record_success(self) -> None:
        """A call was answered."""
        self._answered += 1
        if self.is_open:
            self.is_open = False
            self._answered = self._failed = 0

    def record_failure(self) -> None:
        """A call was not."""
        now = self._now()
        if now - self._began > WINDOW_SECONDS:
            self._began = now
            self._answered = self._failed = 0
        self._failed += 1
        if not self.is_open and self._failed >= FAILURE_THRESHOLD and self._failed >= self._answered:
            self.is_open = True
            self._next_try = now + PROBE_SECONDS
