"""Refuses permitted host names that resolve to private addresses."""

from ipaddress import ip_address
from socket import AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class PrivateAddressError(OSError):
    """A public host name resolves to a private address."""


class PublicAddressResolver(AbstractResolver):
    """Refuses private, loopback and link-local addresses, so that a foreign name can't point the crawler
    at services that only this machine can reach. One such address refuses the name."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """Raises: PrivateAddress, or OSError when the name has no address."""
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            if not self._allows_private and not ip_address(result["host"]).is_global:
                raise PrivateAddressError(f"{host} resolves to the private address {result['host']}")
        return results

    async def close(self) -> None:
        """Nothing to close."""
