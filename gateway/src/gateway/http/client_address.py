"""Who is at the other end of a connection, and how often one network address may ask."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from gateway.http.headers import Header, first

_MOST = 100_000
_MINUTE = 60.0
Network = IPv4Network | IPv6Network


class Proxies:
    """Networks of the proxies before the gateway: what they say of the client is believed.

    Raises: ValueError for something that is no network.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ip_network(text, strict=False) for text in networks)

    def trusts(self, address: str) -> bool:
        """Whether a connection from there is one of them."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def client_of(self, headers: Sequence[Header], peer: str, scheme: str) -> tuple[str, str]:
        """Address and scheme of the client behind the trusted `peer`.

        X-Forwarded-For is read from its end: each proxy wrote whom it saw behind what it got, so the last one
        that is no proxy of ours is the client, and what stands before it is only a claim.
        """
        said = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        found = peer
        for text in reversed(said.split(",")):
            address = text.strip().removeprefix("[").removesuffix("]")
            if not _is_address(address):
                break
            found = address
            if not self.trusts(address):
                break
        proto = (first(headers, b"x-forwarded-proto") or b"").decode("latin-1").lower()
        return found, proto if proto in ("http", "https") else scheme


class Crowd:
    """Requests of each network address, counted in this process: `per_minute` at once, regained evenly.

    Stands before everything that costs; 0 lets all pass. `now` gives seconds.
    """

    def __init__(self, *, per_minute: int, now: Callable[[], float]) -> None:
        self.is_bounded = per_minute > 0
        self.refused = 0
        self._cost = _MINUTE / max(1, per_minute)
        self._now = now
        self._idle_at: dict[str, float] = {}

    def admits(self, address: str) -> bool:
        """Count a request; a refused one costs nothing."""
        now = self._now()
        idle_at = max(now, self._idle_at.get(address, 0.0)) + self._cost
        if idle_at - now > _MINUTE:
            self.refused += 1
            return False
        if len(self._idle_at) >= _MOST and address not in self._idle_at:
            self._forget(now)
        self._idle_at[address] = idle_at
        return True

    def _forget(self, now: float) -> None:
        """The idle ones; everybody, should a hundred thousand be busy."""
        self._idle_at = {address: at for address, at in self._idle_at.items() if at > now}
        if len(self._idle_at) >= _MOST:
            self._idle_at.clear()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
