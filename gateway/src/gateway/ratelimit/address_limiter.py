"""Limits requests by network address, in memory, before anything else is done for them."""

from collections.abc import Callable

_MOST = 100_000
_MINUTE = 60.0


class AddressLimiter:
    """GCRA in this process: a burst of `per_minute`, refilled evenly.

    Checked before authentication; 0 disables it. `now` gives seconds.
    """

    def __init__(self, *, per_minute: int, now: Callable[[], float]) -> None:
        self.is_enabled = per_minute > 0
        self.refused_count = 0
        self._cost = _MINUTE / max(1, per_minute)
        self._now = now
        self._idle_at: dict[str, float] = {}

    def allows_request(self, address: str) -> bool:
        """Counts a request; a refused one is not counted."""
        now = self._now()
        idle_at = max(now, self._idle_at.get(address, 0.0)) + self._cost
        if idle_at - now > _MINUTE:
            self.refused_count += 1
            return False
        if len(self._idle_at) >= _MOST and address not in self._idle_at:
            self._drop_idle(now)
        self._idle_at[address] = idle_at
        return True

    def _drop_idle(self, now: float) -> None:
        """Drops idle addresses; all of them when 100,000 are busy."""
        self._idle_at = {address: at for address, at in self._idle_at.items() if at > now}
        if len(self._idle_at) >= _MOST:
            self._idle_at.clear()
