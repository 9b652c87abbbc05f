"""Limits requests by network address, in memory, before anything else is done for them."""

from collections.abc import Callable

from gateway.http.network_key import IPV6_PREFIX, build_network_key

_MOST = 100_000
_MINUTE = 60.0


class AddressLimiter:
    """GCRA in this process and by network: a burst of `per_minute`, refilled evenly.

    Checked before authentication; 0 disables it. `now` gives seconds; should it go back, no address is
    refused for longer than a minute.
    """

    def __init__(self, *, per_minute: int, now: Callable[[], float], ipv6_prefix: int = IPV6_PREFIX) -> None:
        self.is_enabled = per_minute > 0
        self.refused_count = 0
        self._cost = _MINUTE / max(1, per_minute)
        self._now, self._ipv6_prefix = now, ipv6_prefix
        self._idle_at: dict[str, float] = {}

    def allows_request(self, address: str) -> bool:
        """Counts a request; a refused one is not counted."""
        now, network = self._now(), build_network_key(address, self._ipv6_prefix)
        idle_at = max(now, self._idle_at.get(network, now))
        if idle_at - now > _MINUTE:
            idle_at = now + _MINUTE - self._cost
        idle_at += self._cost
        if idle_at - now > _MINUTE:
            self.refused_count += 1
            return False
        if len(self._idle_at) >= _MOST and network not in self._idle_at:
            self._drop_idle(now)
        self._idle_at[network] = idle_at
        return True

    def _drop_idle(self, now: float) -> None:
        """Drops idle networks; all of them when 100,000 are busy."""
        self._idle_at = {network: at for network, at in self._idle_at.items() if at > now}
        if len(self._idle_at) >= _MOST:
            self._idle_at.clear()
