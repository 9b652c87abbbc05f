"""Which of several addresses of a service gets the next request."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

from bookcore.kit.clock import Clock

EJECTED_SECONDS = 5.0


class _Address:
    __slots__ = ("ejected_until", "last_pick", "outstanding", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.outstanding = 0
        self.ejected_until = 0.0
        self.last_pick = 0


class Balancer:
    """Least outstanding first, the longest unpicked among equals; a failing one is left out for 5 seconds.

    When all are left out all are tried: a wrong guess must not make an outage.
    """

    def __init__(self, urls: Sequence[str], *, clock: Clock) -> None:
        self._addresses = {url: _Address(url) for url in urls}
        self._clock = clock
        self._picks = 0

    def pick(self, tried: AbstractSet[str] = frozenset()) -> str | None:
        """An address for one request, None when all have been tried."""
        untried = [address for url, address in self._addresses.items() if url not in tried]
        now = self._clock.now().timestamp()
        healthy = [address for address in untried if address.ejected_until <= now]
        chosen = min(healthy or untried, key=lambda a: (a.outstanding, a.last_pick), default=None)
        if chosen is None:
            return None
        self._picks += 1
        chosen.last_pick = self._picks
        return chosen.url

    @contextmanager
    def in_use(self, url: str) -> Iterator[None]:
        """Count a request as outstanding there."""
        address = self._addresses[url]
        address.outstanding += 1
        try:
            yield
        finally:
            address.outstanding -= 1

    def eject(self, url: str) -> None:
        """It failed: prefer the others for a while."""
        self._addresses[url].ejected_until = self._clock.now().timestamp() + EJECTED_SECONDS
