"""The client's network address, also behind proxies that are trusted."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.http.headers import Header

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
FORWARDING_HEADERS = frozenset({b"forwarded", b"via", b"x-real-ip"})
"""Beside all x-forwarded-*: what a proxy adds to a request."""
_MAPPED = IPv6Network("::ffff:0:0/96")
_PORT = r"(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?"
_BRACKETED = re.compile(rf"\[([^\]]*)\]{_PORT}")
_IPV4_AND_PORT = re.compile(rf"([0-9.]+){_PORT}")
_PAIR = re.compile(
    r"""[ \t]*(?:(?P<name>[\w!#$%&'*+.^`|~-]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^",;\s]*))?"""
    r"[ \t]*(?P<end>[,;]|$)"
)
_ESCAPE = re.compile(r"\\(.)")


@lru_cache(maxsize=16_384)
def parse_address(text: str) -> Address | None:
    """An address with or without brackets, port and zone, mapped IPv4 unfolded; None for other text."""
    text = text.strip()
    match = _BRACKETED.fullmatch(text) or _IPV4_AND_PORT.fullmatch(text)
    try:
        address = ip_address((match[1] if match else text).partition("%")[0])
    except ValueError:
        return None
    return unfold_address(address)


def unfold_address(address: Address) -> Address:
    """The IPv4 address behind an IPv4-mapped one."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def format_address(text: str) -> str:
    """The usual form of an address; other text as it is."""
    address = parse_address(text)
    return text if address is None else str(address)


class TrustedProxies:
    """Networks whose X-Forwarded-For or Forwarded and X-Forwarded-Proto are trusted.

    Raises: ValueError for an invalid network.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(_parse_network(text) for text in networks)

    def is_trusted(self, address: str) -> bool:
        """Whether the address is in one of the networks."""
        if not self._networks:
            return False
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def find_client(self, headers: Sequence[Header], peer: str, scheme: str) -> tuple[str, str]:
        """Address and scheme of the client behind the trusted `peer`.

        X-Forwarded-For, or Forwarded where there is none, is read from its end, where each proxy appended the
        address that it saw: the last one that is no trusted proxy is the client; what precedes it can be
        forged. A proxy that hides or garbles its client's address is taken for the client.
        """
        nodes = _list_x_forwarded_for(headers) or [
            element.get("for", "") for element in _parse_forwarded(_join(headers, b"forwarded"))
        ]
        client = peer
        for node in reversed(nodes):
            address = parse_address(node)
            if address is None:
                break
            client = str(address)
            if not self.is_trusted(client):
                break
        return client, find_scheme(headers) or scheme


def is_forwarded(headers: Iterable[Header]) -> bool:
    """Whether some proxy says that it forwarded the request."""
    return any(name in FORWARDING_HEADERS or name.startswith(b"x-forwarded-") for name, _ in headers)


def _parse_network(text: str) -> Network:
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        first = network.network_address.ipv4_mapped
        return ip_network(f"{first}/{network.prefixlen - 96}")
    return network


def _list_x_forwarded_for(headers: Sequence[Header]) -> list[str]:
    nodes = (node.strip().strip('"') for node in _join(headers, b"x-forwarded-for").split(","))
    return [node for node in nodes if node]


def find_scheme(headers: Sequence[Header]) -> str | None:
    """The client's scheme as proxies say it: X-Forwarded-Proto, else the first `proto` of Forwarded."""
    named = _join(headers, b"x-forwarded-proto").partition(",")[0].strip().strip('"')
    elements = _parse_forwarded(_join(headers, b"forwarded"))
    schemes = [named, *(element.get("proto", "") for element in elements)]
    return next((scheme.lower() for scheme in schemes if scheme.lower() in ("http", "https")), None)


def _parse_forwarded(text: str) -> list[Mapping[str, str]]:
    """The elements of a Forwarded header (RFC 7239).

    None at all when any is invalid: an unclosed quote of a client could swallow what a proxy appended.
    """
    elements: list[Mapping[str, str]] = []
    element: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            return []
        if match["name"]:
            value = match["value"]
            element[match["name"].lower()] = (
                _ESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value
            )
        if match["end"] != ";" and element:
            elements, element = [*elements, element], {}
        position = match.end()
    return elements


def _join(headers: Sequence[Header], name: bytes) -> str:
    return b",".join(value for header_name, value in headers if header_name == name).decode("latin-1")
