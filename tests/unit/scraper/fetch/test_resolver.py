"""What a permitted name may resolve to."""

import asyncio

import pytest

from scraper.fetch.resolver import PrivateAddressError, PublicAddressResolver


async def _resolve(host: str, *, may_be_private: bool) -> set[str]:
    found = await PublicAddressResolver(allows_private=may_be_private).resolve(host, 80)
    return {answer["host"] for answer in found}


def test_public_name_that_resolves_to_loopback_is_refused() -> None:
    with pytest.raises(PrivateAddressError, match="localhost resolves to the private address"):
        asyncio.run(_resolve("localhost", may_be_private=False))


def test_private_source_may_resolve_to_a_private_address() -> None:
    assert "127.0.0.1" in asyncio.run(_resolve("localhost", may_be_private=True))
