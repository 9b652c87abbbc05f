"""Handles an authenticated request: rate limit, cache lookup, cache fill or passthrough."""

from collections.abc import Mapping
from functools import partial
from math import ceil

from bookcore.kit.auth import InternalTokens
from bookcore.kit.problem import ProblemError
from gateway.cache.entry import CacheEntry
from gateway.cache.response_cache import RateLimitResult, ResponseCache
from gateway.http.caching import Lifetime, build_variant_key
from gateway.http.network_key import build_network_key
from gateway.http.request_head import build_identity_lines
from gateway.proxy.cache_fill import CacheFill
from gateway.proxy.exchange import Exchange
from gateway.proxy.passthrough import Passthrough
from gateway.routing.routes import Service
from gateway.upstream.messages import OutboundHead
from gateway.upstream.open_requests import Holder
from gateway.upstream.request import create_request
from gateway.upstream.upstream import Upstream

_MICRO = 1_000_000


class RequestHandler:
    """The FillOwner of all fills; `max_lifetime` bounds how long a response is cached."""

    def __init__(
        self,
        *,
        cache: ResponseCache,
        internal_tokens: InternalTokens,
        upstreams: Mapping[Service, Upstream],
        max_lifetime: Lifetime,
        ipv6_prefix: int,
    ) -> None:
        self._cache, self._internal_tokens, self.upstreams = cache, internal_tokens, upstreams
        self.max_lifetime, self.max_entry_bytes = max_lifetime, cache.local.max_entry_bytes
        self.ipv6_prefix = ipv6_prefix
        self.now, self._wall_now = cache.now, cache.wall_now
        self._fills: dict[str, CacheFill] = {}
        self._peek = cache.local.peek

    def handle(self, exchange: Exchange) -> None:
        """Responds now or later."""
        match, head = exchange.match, exchange.head
        if head.bypasses_cache or exchange.method != "GET":
            exchange.cache_key = ""
        elif match.cache_key and (entry := self._peek(match.cache_key)) is not None and entry.is_vary_entry:
            exchange.cache_key = build_variant_key(match.cache_key, entry.vary, head.headers)
        self._cache.admit(
            exchange.auth.rate_limit_subject, exchange.cache_key, partial(self._on_admitted, exchange)
        )

    def pass_through(self, exchange: Exchange, *, note: bytes = b"fwd=bypass") -> None:
        """Requests the response for this exchange alone, past the cache."""
        upstream = self.upstreams[exchange.match.route.service]
        passthrough = Passthrough(exchange, upstream.name, note=note)
        head, holder = self.build_outbound_head(exchange), self.build_holder(exchange)
        request = create_request(upstream, head, passthrough, holder)
        exchange.source = passthrough.request = request
        request.attempt()

    def build_outbound_head(self, exchange: Exchange) -> OutboundHead:
        """The request head for the service: what may be forwarded, and the gateway's own lines."""
        lines = exchange.head.forwarded_lines + self._build_own_lines(exchange)
        return OutboundHead(exchange.method, exchange.match.target, lines)

    def build_holder(self, exchange: Exchange) -> Holder:
        """For whom the request is counted while it is open."""
        network = build_network_key(exchange.client.find_address(exchange.head), self.ipv6_prefix)
        return Holder(exchange.auth.caller.user_id, network, exchange.match.route.is_export)

    def close_fill(self, fill: CacheFill) -> None:
        if self._fills.get(fill.key) is fill:
            del self._fills[fill.key]

    def save_entry(self, fill: CacheFill, entry: CacheEntry) -> None:
        if entry.vary and not entry.is_vary_entry:
            self._cache.save(fill.match.cache_key, entry.to_vary_entry())
            key = fill.build_variant_key(entry.vary)
        else:
            key = fill.match.cache_key
        self._cache.save(key, entry)

    def restart_exchange(self, exchange: Exchange, key: str) -> None:
        if not key:
            self.pass_through(exchange, note=b"fwd=uri-miss")
            return
        exchange.cache_key = key
        self._join_fill(exchange, None)

    def _on_admitted(self, exchange: Exchange, rate_limit: RateLimitResult, entry: CacheEntry | None) -> None:
        exchange.rate_limit = rate_limit
        if exchange.is_disconnected:
            return
        if not exchange.auth.is_valid:
            exchange.restart()
        elif not rate_limit.allowed:
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
            self._cache.find(exchange.cache_key, lambda variant: self._respond(exchange, variant))
            return
        self._respond(exchange, entry)

    def _respond(self, exchange: Exchange, entry: CacheEntry | None) -> None:
        if exchange.is_disconnected:
            return
        if entry is None or exchange.head.wants_fresh:
            self._join_fill(exchange, entry)
            return
        now = self.now()
        ttl = entry.freshness.get_remaining_ttl(now)
        if ttl > 0:
            exchange.send_hit(entry, now)
        elif ttl > -entry.lifetime.while_revalidating:
            self._refresh(exchange, entry)
            exchange.send_hit(entry, now)
        else:
            self._join_fill(exchange, entry)

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
        upstream = self.upstreams[exchange.match.route.service]
        fill.request = create_request(upstream, head, fill, self.build_holder(exchange))
        fill.request.attempt()

    def _build_own_lines(self, exchange: Exchange) -> bytes:
        """About the client, the caller and the trace: lines that only the gateway may set."""
        token = exchange.auth.get_internal_token(self._internal_tokens, self._wall_now())
        identity = build_identity_lines(token, exchange.request_id, exchange.traceparent)
        return exchange.client.build_client_lines(exchange.head) + identity


def _build_quota_problem(exchange: Exchange) -> ProblemError:
    quota, wait = exchange.auth.caller.quota, max(1, ceil(exchange.rate_limit.retry_after / _MICRO))
    detail = f"the quota is {quota.requests} requests in {quota.window:g} s; wait {wait} s"
    return ProblemError("too-many-requests", detail, headers={"Retry-After": str(wait)})
