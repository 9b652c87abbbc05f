"""The second lock behind the list of hosts: what a permitted name resolves to."""

from ipaddress import ip_address
from socket import AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class PrivateAddressError(OSError):
    """A public name led into the private network."""


class PublicAddressResolver(AbstractResolver):
    """Refuses private, loopback and link-local answers, so that a name under somebody else's control can't
    point the crawler at what only this machine can reach. One bad address refuses the name."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """Raises: PrivateAddress, or OSError when the name has no address."""
        found = await self._resolver.resolve(host, port, family)
        for answer in found:
            if not self._allows_private and not ip_address(answer["host"]).is_global:
                raise PrivateAddressError(f"{host} resolves to the private address {answer['host']}")
        return found

    async def close(self) -> None:
        """Nothing is held open."""
