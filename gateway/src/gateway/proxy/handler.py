"""What happens to a request of a known caller: counted, answered from the cache, else from a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil

from bookcore.kit.auth import InternalTokens
from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import TokenCache
from gateway.cache.entry import CacheEntry
from gateway.cache.response_cache import RateLimitResult, ResponseCache
from gateway.http.caching import Lifetime, build_variant_key
from gateway.http.request_head import build_identity_lines
from gateway.http.trace import Tracer
from gateway.proxy.cache_fill import CacheFill
from gateway.proxy.exchange import Exchange
from gateway.proxy.passthrough import Passthrough
from gateway.routing.routes import Service
from gateway.upstream.messages import OutboundHead
from gateway.upstream.request import create_request
from gateway.upstream.upstream import Upstream

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the engine works with."""

    store: ResponseCache
    tokens: TokenCache
    internal: InternalTokens
    upstreams: Mapping[Service, Upstream]
    tracer: Tracer


class RequestHandler:
    """`most` and `entry_bytes` bound for how long and how large an answer is kept."""

    def __init__(self, parts: Collaborators, *, most: Lifetime, entry_bytes: int) -> None:
        self._cache, self.callers, self.tracer = parts.store, parts.tokens, parts.tracer
        self._internal, self.upstreams = parts.internal, parts.upstreams
        self.max_lifetime, self.max_entry_bytes = most, entry_bytes
        self.now = parts.store.now
        self._fills: dict[str, CacheFill] = {}
        self._peek = parts.store.local.peek

    def handle(self, exchange: Exchange) -> None:
        """Answer it, now or later."""
        match, head = exchange.match, exchange.head
        if head.bypasses_cache or exchange.method not in ("GET", "HEAD"):
            exchange.cache_key = ""
        elif match.cache_key and (post := self._peek(match.cache_key)) is not None and post.is_vary_entry:
            exchange.cache_key = build_variant_key(match.cache_key, post.vary, head.headers)
        self._cache.admit(exchange.auth.admission, exchange.cache_key, partial(self._on_admitted, exchange))

    def pass_through(self, exchange: Exchange, *, note: bytes = b"fwd=bypass") -> None:
        """From the service, past the cache."""
        upstream = self.upstreams[exchange.match.route.service]
        passthrough = Passthrough(exchange, upstream.name, note=note)
        request = create_request(upstream, self.build_outbound_head(exchange), passthrough)
        exchange.source = passthrough.request = request
        request.attempt()

    def build_outbound_head(self, exchange: Exchange) -> OutboundHead:
        """The request as the service gets it."""
        return OutboundHead(
            exchange.method,
            exchange.match.target,
            exchange.head.forwarded_lines + self._build_own_lines(exchange),
        )

    def close_fill(self, fill: CacheFill) -> None:
        """As Home."""
        if self._fills.get(fill.key) is fill:
            del self._fills[fill.key]

    def save_entry(self, fill: CacheFill, entry: CacheEntry) -> None:
        """As Home."""
        if entry.vary and not entry.is_vary_entry:
            self._cache.save(fill.match.cache_key, entry.to_vary_entry())
            key = fill.build_variant_key(entry.vary)
        else:
            key = fill.match.cache_key
        self._cache.save(key, entry)

    def restart_exchange(self, exchange: Exchange, key: str) -> None:
        """As Home."""
        if not key:
            self.pass_through(exchange, note=b"fwd=uri-miss")
            return
        exchange.cache_key = key
        self._join_fill(exchange, None)

    def _on_admitted(self, exchange: Exchange, counted: RateLimitResult, entry: CacheEntry | None) -> None:
        exchange.rate_limit = counted
        if exchange.is_disconnected:
            return
        if not exchange.auth.is_good:
            exchange.restart()
        elif not counted.allowed:
            exchange.send_error(_build_quota_problem(exchange))
        elif (
            entry is not None
            and entry.cached_head.valid_from <= (now := self.now()) < entry.cached_head.valid_until
            and not exchange.head.wants_fresh
        ):
            exchange.send_hit(entry, now)
        else:
            self._look_up(exchange, entry)

    def _look_up(self, exchange: Exchange, entry: CacheEntry | None) -> None:
        if not exchange.cache_key:
            self.pass_through(exchange)
            return
        if entry is not None and entry.is_vary_entry and exchange.cache_key == exchange.match.cache_key:
            exchange.cache_key = build_variant_key(exchange.cache_key, entry.vary, exchange.head.headers)
            self._cache.find(exchange.cache_key, lambda found: self._respond(exchange, found))
            return
        self._respond(exchange, entry)

    def _respond(self, exchange: Exchange, entry: CacheEntry | None) -> None:
        if exchange.is_disconnected:
            return
        if entry is None or exchange.head.wants_fresh:
            self._fill(exchange, entry)
            return
        now = self.now()
        left = entry.freshness.get_remaining_ttl(now)
        if left > 0:
            exchange.send_hit(entry, now)
        elif left > -entry.lifetime.while_revalidating:
            self._refresh(exchange, entry)
            exchange.send_hit(entry, now)
        else:
            self._fill(exchange, entry)

    def _fill(self, exchange: Exchange, stale: CacheEntry | None) -> None:
        if exchange.method == "HEAD":
            self.pass_through(exchange, note=b"fwd=uri-miss")
        else:
            self._join_fill(exchange, stale)

    def _join_fill(self, exchange: Exchange, stale: CacheEntry | None) -> None:
        fill = self._fills.get(exchange.cache_key)
        is_joinable = fill is not None and self._cache.is_valid_since(fill.purge_sequence, fill.match.tags)
        if fill is not None and is_joinable and not exchange.head.wants_fresh:
            fill.join(exchange)
            return
        fill = self._create_fill(exchange, stale)
        fill.join(exchange)
        self._start_fill(fill, exchange)

    def _refresh(self, exchange: Exchange, stale: CacheEntry) -> None:
        if exchange.cache_key not in self._fills:
            self._start_fill(self._create_fill(exchange, stale), exchange)

    def _create_fill(self, exchange: Exchange, stale: CacheEntry | None) -> CacheFill:
        service = self.upstreams[exchange.match.route.service].name
        fill = self._fills[exchange.cache_key] = CacheFill(self, exchange, service=service, stale=stale)
        return fill

    def _start_fill(self, fill: CacheFill, exchange: Exchange) -> None:
        lines = exchange.head.unconditional_lines + self._build_own_lines(exchange)
        if fill.stale is not None:
            lines += b"if-none-match: %b\r\n" % fill.stale.etag
        head = OutboundHead("GET", exchange.match.target, lines)
        fill.request = create_request(self.upstreams[exchange.match.route.service], head, fill)
        fill.request.attempt()

    def _build_own_lines(self, exchange: Exchange) -> bytes:
        token = exchange.auth.internal_token(self._internal, self.now())
        return exchange.client.build_client_lines(exchange.head) + build_identity_lines(
            token, exchange.request_id, exchange.traceparent
        )


def _build_quota_problem(exchange: Exchange) -> ProblemError:
    quota, wait = exchange.auth.caller.quota, max(1, ceil(exchange.rate_limit.retry_after / _MICRO))
    detail = f"the quota is {quota.requests} in {quota.window:g} s; wait {wait} s"
    return ProblemError("too-many-requests", detail, headers={"Retry-After": str(wait)})
