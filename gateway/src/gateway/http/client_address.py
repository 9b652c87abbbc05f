"""The client's network address, also behind proxies that are trusted."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from gateway.http.headers import Header, get_first

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """Networks whose X-Forwarded-For and X-Forwarded-Proto are trusted.

    Raises: ValueError for an invalid network.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ip_network(text, strict=False) for text in networks)

    def is_trusted(self, address: str) -> bool:
        """Whether the address is in one of the networks."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)

    def find_client(self, headers: Sequence[Header], peer: str, scheme: str) -> tuple[str, str]:
        """Address and scheme of the client behind the trusted `peer`.

        X-Forwarded-For is read from its end, where each proxy appended the address that it saw: the last one
        that is no trusted proxy is the client; what precedes it can be forged.
        """
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode(
            "latin-1"
        )
        parsed = peer
        for text in reversed(forwarded.split(",")):
            address = text.strip().removeprefix("[").removesuffix("]")
            if not _is_address(address):
                break
            parsed = address
            if not self.is_trusted(address):
                break
        proto = (get_first(headers, b"x-forwarded-proto") or b"").decode("latin-1").lower()
        return parsed, proto if proto in ("http", "https") else scheme


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
