"""Which of several addresses of a service gets the next request."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from random import Random

FAILURES = 5
"""Errors in a row after which an address is left out; one is enough when it can't be connected."""
FIRST_REST, LONGEST_REST = 5.0, 60.0


class Address:
    """One address with its health; times in the seconds of the balancer's clock."""

    __slots__ = ("failures", "last_pick", "outstanding", "rest", "rests_until", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.outstanding = 0
        self.failures = 0
        self.rest = 0.0
        self.rests_until = 0.0
        self.last_pick = 0


class Balancer:
    """The less busy of two taken at random, the longer unpicked when both are as busy.

    One that fails is left out, twice as long each time; when all are left out all are tried: a wrong guess
    must not make an outage. `now` gives seconds.
    """

    def __init__(
        self, urls: Sequence[str], *, now: Callable[[], float], random: Random | None = None
    ) -> None:
        self.addresses = {url: Address(url) for url in urls}
        self._all = list(self.addresses.values())
        self._now = now
        self._random = random or Random()  # noqa: S311 - balances, guards nothing
        self._picks = 0

    def pick(self, tried: AbstractSet[str] = frozenset()) -> Address | None:
        """An address for one request, None when all have been tried."""
        if len(self._all) == 1 and not tried:
            return self._all[0]
        untried = [each for each in self._all if each.url not in tried] if tried else self._all
        now = self._now()
        usable = [each for each in untried if each.rests_until <= now] or untried
        if len(usable) > 2:
            usable = self._random.sample(usable, 2)
        chosen = min(usable, key=_load, default=None)
        if chosen is not None:
            self._picks += 1
            chosen.last_pick = self._picks
        return chosen

    def succeeded(self, address: Address) -> None:
        """It answered as it should."""
        address.failures = 0
        address.rest = 0.0

    def failed(self, address: Address, *, is_down: bool) -> None:
        """It gave an error; `is_down` when it couldn't even be connected, or broke off."""
        address.failures += 1
        if is_down or address.failures >= FAILURES:
            address.failures = 0
            address.rest = min(LONGEST_REST, max(FIRST_REST, address.rest * 2))
            address.rests_until = self._now() + address.rest

    def leave_out(self, address: Address) -> None:
        """It does what it is asked, but not for long any more."""
        address.rests_until = max(address.rests_until, self._now() + FIRST_REST)

    def resting(self) -> list[Address]:
        """Those left out now."""
        now = self._now()
        return [each for each in self._all if each.rests_until > now]

    def restore(self, address: Address) -> None:
        """It was asked for its health and is well again."""
        address.rests_until = 0.0


def _load(address: Address) -> tuple[int, int]:
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
