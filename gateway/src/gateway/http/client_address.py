"""The client's network address, also behind proxies that are trusted."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from gateway.http.headers import Header, get_first

Network = IPv4Network | IPv6Network


class TrustedProxies:
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

    def find_client(self, headers: Sequence[Header], peer: str, scheme: str) -> tuple[str, str]:
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
        proto = (get_first(headers, b"x-forwarded-proto") or b"").decode("latin-1").lower()
        return found, proto if proto in ("http", "https") else scheme


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
