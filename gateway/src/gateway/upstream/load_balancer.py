"""Load balancing over the addresses of a service, with ejection of failing addresses and a retry budget."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from random import Random

CONSECUTIVE_FAILURES = 5
"""Errors in a row after which an address is ejected; one is enough when connecting fails."""
BASE_EJECTION_SECONDS, MAX_EJECTION_SECONDS = 5.0, 60.0


class UpstreamAddress:
    """One address with its health; times in seconds of the balancer's clock."""

    __slots__ = ("consecutive_failures", "ejected_until", "ejection_time", "last_pick", "outstanding", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.outstanding = 0
        self.consecutive_failures = 0
        self.ejection_time = 0.0
        self.ejected_until = 0.0
        self.last_pick = 0


class LoadBalancer:
    """Power of two choices: of two random addresses the one with fewer requests, then the less recently used.

    A failing address is ejected, twice as long each time. When all are ejected all are tried, so that
    ejection cannot cause an outage. `now` gives seconds.
    """

    def __init__(
        self, urls: Sequence[str], *, now: Callable[[], float], random: Random | None = None
    ) -> None:
        self.addresses = {url: UpstreamAddress(url) for url in urls}
        self._all = list(self.addresses.values())
        self._now = now
        self._random = random or Random()  # noqa: S311 - balances, guards nothing
        self._picks = 0

    def replace(self, urls: Sequence[str]) -> None:
        """Changes the addresses; those that stay keep their health, requests under way keep theirs."""
        self.addresses = {url: self.addresses.get(url) or UpstreamAddress(url) for url in urls}
        self._all = list(self.addresses.values())

    def pick(self, tried: AbstractSet[str] = frozenset()) -> UpstreamAddress | None:
        """An address that is not in `tried`; None when there is none."""
        if len(self._all) == 1 and not tried:
            return self._all[0]
        untried = [address for address in self._all if address.url not in tried] if tried else self._all
        now = self._now()
        usable = [address for address in untried if address.ejected_until <= now] or untried
        if len(usable) > 2:
            usable = self._random.sample(usable, 2)
        chosen = min(usable, key=_measure_load, default=None)
        if chosen is not None:
            self._picks += 1
            chosen.last_pick = self._picks
        return chosen

    def record_success(self, address: UpstreamAddress) -> None:
        """A good response."""
        address.consecutive_failures = 0
        address.ejection_time = 0.0

    def record_failure(self, address: UpstreamAddress, *, is_unreachable: bool) -> None:
        """An error; `is_unreachable` when connecting failed or the connection closed."""
        address.consecutive_failures += 1
        if is_unreachable or address.consecutive_failures >= CONSECUTIVE_FAILURES:
            address.consecutive_failures = 0
            address.ejection_time = min(
                MAX_EJECTION_SECONDS, max(BASE_EJECTION_SECONDS, address.ejection_time * 2)
            )
            address.ejected_until = self._now() + address.ejection_time

    def eject(self, address: UpstreamAddress) -> None:
        """Ejects an address that drains."""
        address.ejected_until = max(address.ejected_until, self._now() + BASE_EJECTION_SECONDS)

    def list_ejected(self) -> list[UpstreamAddress]:
        now = self._now()
        return [address for address in self._all if address.ejected_until > now]

    def readmit(self, address: UpstreamAddress) -> None:
        """Its health check succeeded."""
        address.ejected_until = 0.0


def _measure_load(address: UpstreamAddress) -> tuple[int, int]:
    return address.outstanding, address.last_pick


class RetryBudget:
    """Retries are at most `percent` of the requests, so that they don't double the load of a failing service.

    `reserve` retries are always possible, for low request rates.
    """

    def __init__(self, *, percent: int = 20, reserve: int = 10) -> None:
        self._percent = percent
        self._most = reserve * 1_000
        self._left = reserve * 100

    def deposit(self) -> None:
        """Counts a request."""
        self._left = min(self._most, self._left + self._percent)

    def withdraw(self) -> bool:
        """Whether one retry is allowed; counts it."""
        if self._left < 100:
            return False
        self._left -= 100
        return True
