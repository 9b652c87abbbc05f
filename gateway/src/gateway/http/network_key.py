"""The network of an address: what limits count, since one client has a whole IPv6 /64."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network

from gateway.http.client_address import parse_address

IPV6_PREFIX = 64


def build_network_key(address: str, ipv6_prefix: int = IPV6_PREFIX) -> str:
    """The IPv4 address itself, mapped ones unfolded; the first bits of an IPv6 one. Other text unchanged."""
    return _compute_key(address, ipv6_prefix) if ":" in address else address


@lru_cache(maxsize=16_384)
def _compute_key(text: str, ipv6_prefix: int) -> str:
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, ipv6_prefix), strict=False))
    return text if address is None else str(address)
