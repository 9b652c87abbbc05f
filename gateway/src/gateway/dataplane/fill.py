"""Reads through the response cache: hit, revalidation, or fill from the service."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx

from gateway.cache.responses import ResponseCache, Slot, StoredResponse, kept_headers
from gateway.core.freshness import bypasses, cache_key, is_unchanged, strong_etag, time_to_live, wants_fresh
from gateway.core.headers import Header, first, unconditional
from gateway.core.routes import Target
from gateway.dataplane.exchange import Exchange
from gateway.dataplane.relay import headers_for_client, refuse_unbelieved, relay
from gateway.dataplane.upstream import Outbound, Upstream

_ASK_AGAIN = (b"cache-control", b"private, no-cache")
"""What a response says that said nothing: clients keep it and ask whether it is still good."""
_KEPT_ON_304 = frozenset({b"cache-control", b"content-location", b"expires", b"link", b"vary"})


class CachedReads:
    """`ttl` in seconds and `entry_bytes` are the most that a response is kept for and may weigh."""

    def __init__(self, responses: ResponseCache, *, ttl: float, entry_bytes: int) -> None:
        self._responses = responses
        self._ttl = ttl
        self._entry_bytes = entry_bytes

    def covers(self, exchange: Exchange, target: Target) -> bool:
        """Whether this request may be answered here; the others go straight on."""
        is_read = exchange.method in ("GET", "HEAD")
        return is_read and target.route.cache_group is not None and not bypasses(exchange.headers)

    async def answer(
        self, exchange: Exchange, target: Target, *, outbound: Outbound, upstream: Upstream
    ) -> None:
        """From the cache, else from the service and into the cache."""
        slot = await self._responses.slot(
            target.route.cache_group or "", cache_key(target.path, exchange.query)
        )
        is_refresh = wants_fresh(exchange.headers)
        stored = None if is_refresh else await self._responses.get(slot)
        if stored is not None:
            await self._send_stored(exchange, stored)
            return
        plain = replace(outbound, headers=unconditional(outbound.headers))
        async with upstream.send(plain) as response:
            refuse_unbelieved(response, upstream)
            reason = "fwd=request" if is_refresh else "fwd=uri-miss"
            await self._fill(exchange, slot, response, reason=reason)

    async def _fill(self, exchange: Exchange, slot: Slot, response: httpx.Response, *, reason: str) -> None:
        headers = headers_for_client(response, cache_status=reason)
        ttl = time_to_live(response.status_code, headers, default=self._ttl)
        chunks = response.aiter_raw()
        if exchange.method == "HEAD" or response.status_code != 200:
            await relay(exchange, response, cache_status=reason)
            return
        body, is_whole = await _read_up_to(chunks, self._entry_bytes)
        if not is_whole:
            await exchange.stream(200, headers, _joined(body, chunks))
            return
        made = StoredResponse(
            kept_headers(headers[:-1]), body, strong_etag(headers, body), self._responses.now(), ttl
        )
        if ttl > 0:
            await self._responses.put(slot, made)
        await _send(exchange, made, status=f"{reason}; stored" if ttl > 0 else reason)

    async def _send_stored(self, exchange: Exchange, stored: StoredResponse) -> None:
        age = max(0, int(self._responses.now() - stored.stored_at))
        left = max(0, int(stored.ttl - age))
        await _send(exchange, stored, status=f"hit; ttl={left}", age=age)


async def _send(exchange: Exchange, response: StoredResponse, *, status: str, age: int | None = None) -> None:
    headers: list[Header] = [*response.headers]
    if first(headers, b"cache-control") is None:
        headers.append(_ASK_AGAIN)
    is_same = is_unchanged(first(exchange.headers, b"if-none-match"), response.etag)
    if is_same:
        headers = [header for header in headers if header[0] in _KEPT_ON_304]
    headers += [(b"etag", response.etag), (b"cache-status", f"bookstream; {status}".encode())]
    if age is not None:
        headers.append((b"age", str(age).encode()))
    if is_same:
        await exchange.answer(304, headers)
        return
    headers.append((b"content-length", str(len(response.body)).encode()))
    await exchange.answer(200, headers, b"" if exchange.method == "HEAD" else response.body)


async def _read_up_to(chunks: AsyncIterator[bytes], limit: int) -> tuple[bytes, bool]:
    """What was read, and whether it was all."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            return bytes(body), False
    return bytes(body), True


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
