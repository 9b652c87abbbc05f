"""A fill of the cache: one request to the service however many clients wait for it, and on though they leave.

What may be kept is collected and, once it is larger than a first helping, streamed to those who wait at the
same time. What may not be kept is the first client's alone; the others ask for themselves.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.cache.entry import CacheEntry, Freshness, build_entry
from gateway.http.caching import Lifetime, build_variant_key, compute_lifetime, parse_vary
from gateway.http.headers import Header, filter_response_headers, get_first
from gateway.proxy.exchange import Exchange
from gateway.proxy.passthrough import build_internal_token_problem
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.messages import UpstreamFailure
from gateway.upstream.request import UpstreamRequest

_HELPING = 65_536


class FillOwner(Protocol):
    """Where flights come from and put what they bring."""

    max_lifetime: Lifetime
    max_entry_bytes: int
    now: Callable[[], float]

    def close_fill(self, fill: "CacheFill") -> None:
        """Nobody can join any more."""

    def save_entry(self, fill: "CacheFill", entry: CacheEntry) -> None:
        """Keep what it brought."""

    def restart_exchange(self, exchange: Exchange, key: str) -> None:
        """That visit needs an answer of its own; alone when `key` is empty."""


class CacheFill:
    """A Receiver; `ticket` is the purge sequence when it began, `stale` what was kept before."""

    def __init__(self, owner: FillOwner, first: Exchange, *, service: str, stale: CacheEntry | None) -> None:
        self._owner, self._service, self.stale = owner, service, stale
        self.key, self.match, self.purge_sequence = (
            first.cache_key,
            first.match,
            first.rate_limit.purge_sequence,
        )
        self._head = first.head
        self._note = b"fwd=request" if first.head.wants_fresh else b"fwd=stale" if stale else b"fwd=uri-miss"
        self.exchanges: list[Exchange] = []
        self.request: UpstreamRequest | None = None
        self._headers: list[Header] = []
        self._lifetime = Lifetime(0.0)
        self._chunks: list[bytes] = []
        self._size = self._paused = 0
        self._is_streaming = self._is_passing = self._is_over = self._is_renewed = False
        self._failed_status = 0

    def join(self, exchange: Exchange) -> None:
        """Wait for it too."""
        exchange.source = Waiter(self, exchange)
        self.exchanges.append(exchange)
        if self._is_streaming:
            exchange.start_response(200, self._headers, self._note + b"; collapsed")
            exchange.send_chunk(b"".join(self._chunks))
            exchange.flush()

    def build_variant_key(self, names: Sequence[str]) -> str:
        """Where what it brought is kept when it varies by those request headers."""
        return build_variant_key(self.match.cache_key, names, self._head.headers)

    def leave(self, exchange: Exchange) -> None:
        """The client is gone; the fill goes on if there is something to keep."""
        if exchange in self.exchanges:
            self.exchanges.remove(exchange)
        if self._is_passing and not self.exchanges and self.request is not None:
            self._is_over = True
            self.request.cancel()

    def count_paused(self, *, more: bool) -> None:
        """A client reads slowly, or no longer. What is collected is bounded and needs no holding."""
        self._paused += 1 if more else -1
        if self.request is None or not self._is_passing:
            return
        if self._paused > 0:
            self.request.pause()
        else:
            self.request.resume()

    def on_ready(self) -> None:
        """As Receiver."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        if status == 304 and self.stale is not None:
            self._is_renewed = True
            return
        if status == 401:
            self._fail(build_internal_token_problem(self._service))
            return
        if status >= 500 and self._can_serve_stale():
            self._failed_status = status
            return
        self._headers = filter_response_headers(headers, PUBLIC_PREFIX_BYTES)
        self._lifetime = compute_lifetime(status, self._headers, most=self._owner.max_lifetime)
        if self._lifetime.ttl <= 0 or _is_too_large(self._headers, self._owner.max_entry_bytes):
            self._start_passing(status)
        else:
            self._split_variants()

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""
        if self._is_passing:
            for exchange in self.exchanges:
                exchange.send_chunk(chunk)
            return
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._is_streaming:
            for exchange in self.exchanges:
                exchange.send_chunk(chunk)
        if self._size > self._owner.max_entry_bytes:
            self._stop_collecting()

    def on_end(self) -> None:
        """As Receiver."""
        if self._is_over:
            return
        self._is_over, self.request = True, None
        self._owner.close_fill(self)
        if self._failed_status:
            self._serve_stale()
        elif self._is_renewed and self.stale is not None:
            self._complete(self.stale.renew(self._build_freshness(self.stale.lifetime)))
        elif self._is_passing:
            self._end_responses()
        else:
            body = b"".join(self._chunks)
            self._complete(
                build_entry(self._headers, body, self.match.tags, known=self._build_freshness(self._lifetime))
            )

    def on_failure(self, failure: UpstreamFailure) -> None:
        """As Receiver."""
        if self._is_over:
            return
        self._is_over, self.request = True, None
        self._owner.close_fill(self)
        if not self._is_streaming and not self._is_passing and self._can_serve_stale():
            self._serve_stale()
            return
        for exchange in list(self.exchanges):
            exchange.send_error(failure.to_problem(self._service))

    def on_flush(self) -> None:
        """As Receiver."""
        if self._is_over and not self._is_passing:
            return
        if not self._is_passing and not self._is_streaming and self._size > _HELPING:
            self._is_streaming = True
            self._start_responses(200)
            for exchange in self.exchanges:
                exchange.send_chunk(b"".join(self._chunks))
        if self._is_passing or self._is_streaming:
            for exchange in list(self.exchanges):
                exchange.flush()

    def _build_freshness(self, lifetime: Lifetime) -> Freshness:
        return Freshness(self.purge_sequence, self._owner.now(), lifetime)

    def _complete(self, entry: CacheEntry) -> None:
        self._owner.save_entry(self, entry)
        if self._is_streaming:
            self._end_responses()
            return
        for place, exchange in enumerate(list(self.exchanges)):
            note = self._note + (b"; collapsed" if place else b"") + b"; stored"
            exchange.send_entry(entry, note, age=-1)

    def _start_responses(self, status: int) -> None:
        for place, exchange in enumerate(self.exchanges):
            exchange.start_response(status, self._headers, self._note + (b"; collapsed" if place else b""))

    def _end_responses(self) -> None:
        for exchange in list(self.exchanges):
            exchange.end_response()
            exchange.flush()

    def _start_passing(self, status: int) -> None:
        """Not to be kept. An error is everybody's answer; others may be meant for the first client."""
        self._owner.close_fill(self)
        if status == 200:
            for exchange in self.exchanges[1:]:
                self._owner.restart_exchange(exchange, "")
            del self.exchanges[1:]
        self._is_passing = True
        self._start_responses(status)
        if not self.exchanges and self.request is not None:
            self._is_over = True
            self.request.cancel()

    def _stop_collecting(self) -> None:
        self._owner.close_fill(self)
        if not self._is_streaming:
            self._start_responses(200)
            for exchange in self.exchanges:
                exchange.send_chunk(b"".join(self._chunks))
        self._chunks.clear()
        self._is_passing = True
        self._is_streaming = False
        if self._paused > 0 and self.request is not None:
            self.request.pause()
        if not self.exchanges and self.request is not None:
            self._is_over = True
            self.request.cancel()

    def _split_variants(self) -> None:
        names = parse_vary(self._headers)
        if not names or self.key != self.match.cache_key:
            return
        mine = self.build_variant_key(names)
        for exchange in list(self.exchanges):
            other = build_variant_key(self.match.cache_key, names, exchange.head.headers)
            if other != mine:
                self.exchanges.remove(exchange)
                self._owner.restart_exchange(exchange, other)

    def _can_serve_stale(self) -> bool:
        if self.stale is None:
            return False
        life = self.stale.lifetime
        return self.stale.freshness.get_age(self._owner.now()) < life.ttl + life.if_error

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
        self._is_over = True
        self._owner.close_fill(self)
        if self.request is not None:
            self.request.cancel()
        for exchange in list(self.exchanges):
            exchange.send_error(problem)


class Waiter:
    """One visit's place in a flight, as its Flow."""

    def __init__(self, fill: CacheFill, exchange: Exchange) -> None:
        self._flight, self._visit = fill, exchange
        self._is_paused = False

    def pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._flight.count_paused(more=True)

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._flight.count_paused(more=False)

    def cancel(self) -> None:
        self.resume()
        self._flight.leave(self._visit)


def _is_too_large(headers: Sequence[Header], most: int) -> bool:
    said = get_first(headers, b"content-length") or b""
    kind = get_first(headers, b"content-type") or b""
    return kind.startswith(b"text/event-stream") or (said.isdigit() and int(said[:20]) > most)
