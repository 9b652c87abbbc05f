"""The network that one client is taken for: whoever has an IPv6 address has 2**64 of them."""

from ipaddress import IPv6Address, ip_address

_IPV6_SHIFT = 64


def build_network_key(address: str) -> str:
    """The IPv4 address itself, the /64 of an IPv6 one; IPv4 in IPv6 form is IPv4. Other text stays itself."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _IPV6_SHIFT << _IPV6_SHIFT)}/{_IPV6_SHIFT}"
