"""Circuit breaker of a service."""

from collections.abc import Callable

FAILURE_THRESHOLD = 20
"""The fewest failures of a window that open the breaker."""
WINDOW_SECONDS = 10.0
PROBE_SECONDS = 1.0


class CircuitBreaker:
    """Opens when at least 20 requests of a window failed, and at least half; then lets one a second through.

    The first success closes it. It counts requests after their retries, so only what failed for the client.
    `now` gives seconds.
    """

    __slots__ = ("_answered", "_began", "_failed", "_next_try", "_now", "is_open")

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._began = self._next_try = 0.0
        self._answered = self._failed = 0
        self.is_open = False

    def allows_request(self) -> bool:
        """Whether a request may be sent now."""
        if not self.is_open:
            return True
        now = self._now()
        if now < self._next_try:
            return False
        self._next_try = now + PROBE_SECONDS
        return True

    def record_success(self) -> None:
        self._answered += 1
        if self.is_open:
            self.is_open = False
            self._answered = self._failed = 0

    def record_failure(self) -> None:
        now = self._now()
        if now - self._began > WINDOW_SECONDS:
            self._began = now
            self._answered = self._failed = 0
        self._failed += 1
        if not self.is_open and self._failed >= FAILURE_THRESHOLD and self._failed >= self._answered:
            self.is_open = True
            self._next_try = now + PROBE_SECONDS
