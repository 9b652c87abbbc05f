"""A service's answer on to the client, chunk by chunk."""

import httpx

from bookcore.kit.problem import ProblemError
from gateway.core.headers import Header, to_client
from gateway.dataplane.exchange import Exchange
from gateway.dataplane.upstream import Upstream


def headers_for_client(response: httpx.Response, *, cache_status: str) -> list[Header]:
    """The response's headers as the client may see them; `cache_status` in the form of RFC 9211."""
    lowered = [(name.lower(), value) for name, value in response.headers.raw]
    return [*to_client(lowered), (b"cache-status", f"bookstream; {cache_status}".encode())]


def refuse_unbelieved(response: httpx.Response, upstream: Upstream) -> None:
    """A service's 401 is never the client's fault: gateway and service don't share the secret.

    Raises: ProblemError(bad-gateway) for a 401.
    """
    if response.status_code == 401:
        detail = f"{upstream.name} refused the gateway; give both the same BOOKSTREAM_INTERNAL_SECRET"
        raise ProblemError("bad-gateway", detail, headers={"Retry-After": "5"})


async def relay(exchange: Exchange, response: httpx.Response, *, cache_status: str) -> None:
    """The whole answer, in constant memory."""
    headers = headers_for_client(response, cache_status=cache_status)
    await exchange.stream(response.status_code, headers, response.aiter_raw())
