"""Which of several addresses of a service gets the next request."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from random import Random

CONSECUTIVE_FAILURES = 5
"""Errors in a row after which an address is left out; one is enough when it can't be connected."""
BASE_EJECTION_SECONDS, MAX_EJECTION_SECONDS = 5.0, 60.0


class UpstreamAddress:
    """One address with its health; times in the seconds of the balancer's clock."""

    __slots__ = ("consecutive_failures", "ejected_until", "ejection_time", "last_pick", "outstanding", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.outstanding = 0
        self.consecutive_failures = 0
        self.ejection_time = 0.0
        self.ejected_until = 0.0
        self.last_pick = 0


class LoadBalancer:
    """The less busy of two taken at random, the longer unpicked when both are as busy.

    One that fails is left out, twice as long each time; when all are left out all are tried: a wrong guess
    must not make an outage. `now` gives seconds.
    """

    def __init__(
        self, urls: Sequence[str], *, now: Callable[[], float], random: Random | None = None
    ) -> None:
        self.addresses = {url: UpstreamAddress(url) for url in urls}
        self._all = list(self.addresses.values())
        self._now = now
        self._random = random or Random()  # noqa: S311 - balances, guards nothing
        self._picks = 0

    def pick(self, tried: AbstractSet[str] = frozenset()) -> UpstreamAddress | None:
        """An address for one request, None when all have been tried."""
        if len(self._all) == 1 and not tried:
            return self._all[0]
        untried = [each for each in self._all if each.url not in tried] if tried else self._all
        now = self._now()
        usable = [each for each in untried if each.ejected_until <= now] or untried
        if len(usable) > 2:
            usable = self._random.sample(usable, 2)
        chosen = min(usable, key=_measure_load, default=None)
        if chosen is not None:
            self._picks += 1
            chosen.last_pick = self._picks
        return chosen

    def record_success(self, address: UpstreamAddress) -> None:
        """It answered as it should."""
        address.consecutive_failures = 0
        address.ejection_time = 0.0

    def record_failure(self, address: UpstreamAddress, *, is_unreachable: bool) -> None:
        """It gave an error; `is_down` when it couldn't even be connected, or broke off."""
        address.consecutive_failures += 1
        if is_unreachable or address.consecutive_failures >= CONSECUTIVE_FAILURES:
            address.consecutive_failures = 0
            address.ejection_time = min(
                MAX_EJECTION_SECONDS, max(BASE_EJECTION_SECONDS, address.ejection_time * 2)
            )
            address.ejected_until = self._now() + address.ejection_time

    def eject(self, address: UpstreamAddress) -> None:
        """It does what it is asked, but not for long any more."""
        address.ejected_until = max(address.ejected_until, self._now() + BASE_EJECTION_SECONDS)

    def list_ejected(self) -> list[UpstreamAddress]:
        """Those left out now."""
        now = self._now()
        return [each for each in self._all if each.ejected_until > now]

    def readmit(self, address: UpstreamAddress) -> None:
        """It was asked for its health and is well again."""
        address.ejected_until = 0.0


def _measure_load(address: UpstreamAddress) -> tuple[int, int]:
    return address.outstanding, address.last_pick


class RetryBudget:
    """Second attempts are at most a share of the requests, so that a sick service isn't asked twice as much.

    `reserve` of them are always possible, for those who ask seldom.
    """

    def __init__(self, *, percent: int = 20, reserve: int = 10) -> None:
        self._percent = percent
        self._most = reserve * 1_000
        self._left = reserve * 100

    def deposit(self) -> None:
        """One more request."""
        self._left = min(self._most, self._left + self._percent)

    def withdraw(self) -> bool:
        """Whether one may be repeated."""
        if self._left < 100:
            return False
        self._left -= 100
        return True
