"""The wall clock with a memory of its steps, for times that were written before one and are checked after."""

from bookcore.kit.clock import Clock

_TOLERANCE = 5.0
"""A smaller change of the wall clock is no step: clocks are also slewed."""
_MOST_STEPS = 8


class StepTolerantClock:
    """Remembers for `memory_seconds` what the wall clock would show without its last steps.

    So a token of that lifetime, issued before a step, lives to its end, and no longer. A step is noticed by
    the first reading after it.
    """

    def __init__(self, clock: Clock, *, memory_seconds: float) -> None:
        self._clock, self._memory_seconds = clock, memory_seconds
        self._offset = self._measure_offset()
        self._former: list[tuple[float, float]] = []
        """Offset between the clocks before a step, and the monotonic time until which it is remembered."""

    def read(self) -> float:
        """Seconds since 1970 by the wall clock."""
        monotonic, offset = self._clock.monotonic(), self._measure_offset()
        if abs(offset - self._offset) > _TOLERANCE:
            self._former.append((self._offset, monotonic + self._memory_seconds))
            del self._former[:-_MOST_STEPS]
        self._offset = offset
        return monotonic + offset

    def list_times(self) -> list[float]:
        """That of `read`, and the same without the steps that are remembered; newest step first."""
        now, monotonic = self.read(), self._clock.monotonic()
        self._former = [(offset, until) for offset, until in self._former if monotonic < until]
        return [now, *(monotonic + offset for offset, _ in reversed(self._former))]

    def _measure_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
