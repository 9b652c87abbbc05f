"""A cache fill: one request to a service for all clients that wait for the same response.

A cacheable response is collected and, once larger than `_STREAM_BYTES`, also streamed to the waiting clients.
The fill goes on when they disconnect. A response that may not be cached belongs to the first client; the
others get requests of their own.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from bookcore.kit.problem import ProblemError
from gateway.cache.entry import CacheEntry, Freshness, build_entry
from gateway.http.caching import Lifetime, build_variant_key, compute_lifetime, parse_vary
from gateway.http.headers import Header, filter_response_headers, get_first
from gateway.proxy.exchange import Exchange
from gateway.proxy.passthrough import build_internal_token_problem
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.messages import UpstreamFailure
from gateway.upstream.request import UpstreamRequest

_STREAM_BYTES = 65_536
COLLECTING: Final = 0
"""Nothing has been sent; the body is collected for the cache."""
STREAMING: Final = 1
"""Collected for the cache and sent to the clients at the same time."""
PASSING: Final = 2
"""Only sent: not cacheable, or too large."""
DONE: Final = 3
"""The response ended or failed, or nobody needs it any more."""


class FillOwner(Protocol):
    """Starts fills and stores what they bring."""

    max_lifetime: Lifetime
    max_entry_bytes: int
    now: Callable[[], float]

    def close_fill(self, fill: "CacheFill") -> None:
        """No exchange can join any more."""

    def save_entry(self, fill: "CacheFill", entry: CacheEntry) -> None:
        """Stores the response."""

    def restart_exchange(self, exchange: Exchange, key: str) -> None:
        """Handles an exchange that this fill can't serve: by a fill under `key`, or past the cache for ""."""


class CacheFill:
    """A ResponseReceiver; `purge_sequence` is that of its start, `stale` the entry that it revalidates."""

    def __init__(
        self, owner: FillOwner, exchange: Exchange, *, service: str, stale: CacheEntry | None
    ) -> None:
        self._owner, self._service, self.stale = owner, service, stale
        self._state = COLLECTING
        self.key, self.match = exchange.cache_key, exchange.match
        self.purge_sequence = exchange.rate_limit.purge_sequence
        self._head = exchange.head
        self._note = (
            b"fwd=request" if exchange.head.wants_fresh else b"fwd=stale" if stale else b"fwd=uri-miss"
        )
        self.exchanges: list[Exchange] = []
        self.request: UpstreamRequest | None = None
        self._headers: list[Header] = []
        self._lifetime = Lifetime(0.0)
        self._chunks: list[bytes] = []
        self._size = self._paused_count = 0
        self._is_revalidated = False
        self._failed_status = 0

    def join(self, exchange: Exchange) -> None:
        """Adds an exchange that waits for the response."""
        exchange.source = Waiter(self, exchange)
        self.exchanges.append(exchange)
        if self._state == STREAMING:
            exchange.start_response(200, self._headers, self._note + b"; collapsed")
            exchange.send_chunk(b"".join(self._chunks))
            exchange.flush()

    def build_variant_key(self, names: Sequence[str]) -> str:
        """The key of the response's variant when it varies by those request headers."""
        return build_variant_key(self.match.cache_key, names, self._head.headers)

    def leave(self, exchange: Exchange) -> None:
        """The client disconnected; the fill goes on while its response can be cached."""
        if exchange in self.exchanges:
            self.exchanges.remove(exchange)
        if self._state == PASSING:
            self._cancel_if_unused()

    def count_paused(self, *, more: bool) -> None:
        """Backpressure from a slow client. What is collected is bounded, so it never pauses a fill."""
        self._paused_count += 1 if more else -1
        if self.request is None or self._state != PASSING:
            return
        if self._paused_count > 0:
            self.request.pause()
        else:
            self.request.resume()

    def on_ready(self) -> None:
        """A fill's request has no body."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        if status == 304 and self.stale is not None:
            self._is_revalidated = True
            return
        if status == 401:
            self._fail(build_internal_token_problem(self._service))
            return
        if status >= 500 and self._can_serve_stale():
            self._failed_status = status
            return
        self._headers = filter_response_headers(headers, PUBLIC_PREFIX_BYTES)
        self._lifetime = compute_lifetime(status, self._headers, limit=self._owner.max_lifetime)
        if self._lifetime.ttl <= 0 or _is_too_large(self._headers, self._owner.max_entry_bytes):
            self._pass_uncacheable(status)
        else:
            self._split_variants()

    def on_body(self, chunk: bytes) -> None:
        if self._state == DONE or self._failed_status:
            return
        if self._state != PASSING:
            self._chunks.append(chunk)
            self._size += len(chunk)
        if self._state in (STREAMING, PASSING):
            for exchange in self.exchanges:
                exchange.send_chunk(chunk)
        if self._state != PASSING and self._size > self._owner.max_entry_bytes:
            self._pass_too_large()

    def on_end(self) -> None:
        last_state = self._state
        if last_state == DONE:
            return
        self._finish()
        if self._failed_status:
            self._serve_stale()
        elif self._is_revalidated and self.stale is not None:
            self._complete(self.stale.renew(self._build_freshness(self.stale.lifetime)), last_state)
        elif last_state == PASSING:
            self._end_responses()
        else:
            body, freshness = b"".join(self._chunks), self._build_freshness(self._lifetime)
            self._complete(build_entry(self._headers, body, self.match.tags, freshness=freshness), last_state)

    def on_failure(self, failure: UpstreamFailure) -> None:
        last_state = self._state
        if last_state == DONE:
            return
        self._finish()
        if last_state == COLLECTING and self._can_serve_stale():
            self._serve_stale()
            return
        for exchange in list(self.exchanges):
            exchange.send_error(failure.to_problem(self._service))

    def on_flush(self) -> None:
        if self._state == COLLECTING and self._size > _STREAM_BYTES:
            self._set_state(STREAMING)
            self._start_responses(200)
            self._send_collected()
        if self._state in (STREAMING, PASSING):
            for exchange in list(self.exchanges):
                exchange.flush()

    def _set_state(self, state: int) -> None:
        """States only advance; COLLECTING may skip STREAMING, and every state may end in DONE."""
        if state > self._state:
            self._state = state

    def _finish(self) -> None:
        self._set_state(DONE)
        self.request = None
        self._owner.close_fill(self)

    def _cancel_if_unused(self) -> None:
        if not self.exchanges and self.request is not None:
            self._set_state(DONE)
            self.request.cancel()

    def _build_freshness(self, lifetime: Lifetime) -> Freshness:
        return Freshness(self.purge_sequence, self._owner.now(), lifetime)

    def _complete(self, entry: CacheEntry, last_state: int) -> None:
        self._owner.save_entry(self, entry)
        if last_state == STREAMING:
            self._end_responses()
            return
        for index, exchange in enumerate(list(self.exchanges)):
            note = self._note + (b"; collapsed" if index else b"") + b"; stored"
            exchange.send_entry(entry, note, age=-1)

    def _start_responses(self, status: int) -> None:
        for index, exchange in enumerate(self.exchanges):
            exchange.start_response(status, self._headers, self._note + (b"; collapsed" if index else b""))

    def _send_collected(self) -> None:
        for exchange in self.exchanges:
            exchange.send_chunk(b"".join(self._chunks))

    def _end_responses(self) -> None:
        for exchange in list(self.exchanges):
            exchange.end_response()
            exchange.flush()

    def _pass_uncacheable(self, status: int) -> None:
        """An error goes to all waiting clients; a 200 may be meant for the first one only."""
        self._owner.close_fill(self)
        if status == 200:
            for exchange in self.exchanges[1:]:
                self._owner.restart_exchange(exchange, "")
            del self.exchanges[1:]
        self._set_state(PASSING)
        self._start_responses(status)
        self._cancel_if_unused()

    def _pass_too_large(self) -> None:
        self._owner.close_fill(self)
        if self._state == COLLECTING:
            self._start_responses(200)
            self._send_collected()
        self._chunks.clear()
        self._set_state(PASSING)
        if self._paused_count > 0 and self.request is not None:
            self.request.pause()
        self._cancel_if_unused()

    def _split_variants(self) -> None:
        names = parse_vary(self._headers)
        if not names or self.key != self.match.cache_key:
            return
        own_key = self.build_variant_key(names)
        for exchange in list(self.exchanges):
            key = build_variant_key(self.match.cache_key, names, exchange.head.headers)
            if key != own_key:
                self.exchanges.remove(exchange)
                self._owner.restart_exchange(exchange, key)

    def _can_serve_stale(self) -> bool:
        if self.stale is None:
            return False
        lifetime = self.stale.lifetime
        return self.stale.freshness.get_age(self._owner.now()) < lifetime.ttl + lifetime.if_error

    def _serve_stale(self) -> None:
        stale = self.stale
        if stale is None:
            return
        age = stale.freshness.get_age(self._owner.now())
        note = b"hit; fwd=stale; ttl=%d" % int(stale.lifetime.ttl - age)
        if self._failed_status:
            note += b"; fwd-status=%d" % self._failed_status
        for exchange in list(self.exchanges):
            exchange.send_entry(stale, note, age=age)

    def _fail(self, problem: ProblemError) -> None:
        request = self.request
        self._finish()
        if request is not None:
            request.cancel()
        for exchange in list(self.exchanges):
            exchange.send_error(problem)


class Waiter:
    """The ResponseSource of one exchange in a fill."""

    def __init__(self, fill: CacheFill, exchange: Exchange) -> None:
        self._fill, self._exchange = fill, exchange
        self._is_paused = False

    def pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._fill.count_paused(more=True)

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._fill.count_paused(more=False)

    def cancel(self) -> None:
        self.resume()
        self._fill.leave(self._exchange)


def _is_too_large(headers: Sequence[Header], limit: int) -> bool:
    length = get_first(headers, b"content-length") or b""
    content_type = get_first(headers, b"content-type") or b""
    return content_type.startswith(b"text/event-stream") or (length.isdigit() and int(length[:20]) > limit)
