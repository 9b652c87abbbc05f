"""What happens to a request of a known caller: counted, answered from the cache, else from a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil

from bookcore.kit.auth import InternalTokens
from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import TokenCache
from gateway.cache.entry import Entry
from gateway.cache.response_cache import Counted, Store
from gateway.http.caching import Lifetime, variant_key
from gateway.http.request_head import identity_lines
from gateway.http.trace import Tracer
from gateway.proxy.cache_fill import Flight
from gateway.proxy.exchange import Visit
from gateway.proxy.passthrough import Relay
from gateway.routing.routes import Service
from gateway.upstream.call import prepare
from gateway.upstream.request import Outbound
from gateway.upstream.upstream import Upstream

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the engine works with."""

    store: Store
    tokens: TokenCache
    internal: InternalTokens
    upstreams: Mapping[Service, Upstream]
    tracer: Tracer


class Engine:
    """`most` and `entry_bytes` bound for how long and how large an answer is kept."""

    def __init__(self, parts: Collaborators, *, most: Lifetime, entry_bytes: int) -> None:
        self._store, self.tokens, self.tracer = parts.store, parts.tokens, parts.tracer
        self._internal, self.upstreams = parts.internal, parts.upstreams
        self.most, self.entry_bytes = most, entry_bytes
        self.now = parts.store.now
        self._flights: dict[str, Flight] = {}
        self._peek = parts.store.shelf.peek

    def serve(self, visit: Visit) -> None:
        """Answer it, now or later."""
        plan, head = visit.plan, visit.head
        if head.bypasses_cache or visit.method not in ("GET", "HEAD"):
            visit.key = ""
        elif plan.key and (post := self._peek(plan.key)) is not None and post.is_signpost:
            visit.key = variant_key(plan.key, post.vary, head.headers)
        self._store.admit(visit.known.admission, visit.key, partial(self._admitted, visit))

    def relay(self, visit: Visit, *, note: bytes = b"fwd=bypass") -> None:
        """From the service, past the cache."""
        upstream = self.upstreams[visit.plan.route.service]
        relay = Relay(visit, upstream.name, note=note)
        call = prepare(upstream, self.outbound(visit), relay)
        visit.flow = relay.call = call
        call.attempt()

    def outbound(self, visit: Visit) -> Outbound:
        """The request as the service gets it."""
        return Outbound(visit.method, visit.plan.target, visit.head.forward + self._said_of(visit))

    def landed(self, flight: Flight) -> None:
        """As Home."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    def keep(self, flight: Flight, entry: Entry) -> None:
        """As Home."""
        if entry.vary and not entry.is_signpost:
            self._store.keep(flight.plan.key, entry.signpost())
            key = flight.variant_key(entry.vary)
        else:
            key = flight.plan.key
        self._store.keep(key, entry)

    def again(self, visit: Visit, key: str) -> None:
        """As Home."""
        if not key:
            self.relay(visit, note=b"fwd=uri-miss")
            return
        visit.key = key
        self._fly(visit, None)

    def _admitted(self, visit: Visit, counted: Counted, entry: Entry | None) -> None:
        visit.counted = counted
        if visit.is_gone:
            return
        if not visit.known.is_good:
            visit.again()
        elif not counted.allowed:
            visit.fail(_too_fast(visit))
        elif (
            entry is not None
            and entry.seen.since <= (now := self.now()) < entry.seen.until
            and not visit.head.wants_fresh
        ):
            visit.hit(entry, now)
        else:
            self._answer(visit, entry)

    def _answer(self, visit: Visit, entry: Entry | None) -> None:
        if not visit.key:
            self.relay(visit)
            return
        if entry is not None and entry.is_signpost and visit.key == visit.plan.key:
            visit.key = variant_key(visit.key, entry.vary, visit.head.headers)
            self._store.look(visit.key, lambda found: self._from_cache(visit, found))
            return
        self._from_cache(visit, entry)

    def _from_cache(self, visit: Visit, entry: Entry | None) -> None:
        if visit.is_gone:
            return
        if entry is None or visit.head.wants_fresh:
            self._fill(visit, entry)
            return
        now = self.now()
        left = entry.known.left(now)
        if left > 0:
            visit.hit(entry, now)
        elif left > -entry.lifetime.while_revalidating:
            self._refresh(visit, entry)
            visit.hit(entry, now)
        else:
            self._fill(visit, entry)

    def _fill(self, visit: Visit, stale: Entry | None) -> None:
        if visit.method == "HEAD":
            self.relay(visit, note=b"fwd=uri-miss")
        else:
            self._fly(visit, stale)

    def _fly(self, visit: Visit, stale: Entry | None) -> None:
        flight = self._flights.get(visit.key)
        is_joinable = flight is not None and self._store.spares(flight.ticket, flight.plan.tags)
        if flight is not None and is_joinable and not visit.head.wants_fresh:
            flight.join(visit)
            return
        flight = self._begun(visit, stale)
        flight.join(visit)
        self._start(flight, visit)

    def _refresh(self, visit: Visit, stale: Entry) -> None:
        if visit.key not in self._flights:
            self._start(self._begun(visit, stale), visit)

    def _begun(self, visit: Visit, stale: Entry | None) -> Flight:
        service = self.upstreams[visit.plan.route.service].name
        flight = self._flights[visit.key] = Flight(self, visit, service=service, stale=stale)
        return flight

    def _start(self, flight: Flight, visit: Visit) -> None:
        lines = visit.head.forward_plain + self._said_of(visit)
        if flight.stale is not None:
            lines += b"if-none-match: %b\r\n" % flight.stale.etag
        outbound = Outbound("GET", visit.plan.target, lines)
        flight.call = prepare(self.upstreams[visit.plan.route.service], outbound, flight)
        flight.call.attempt()

    def _said_of(self, visit: Visit) -> bytes:
        token = visit.known.internal_token(self._internal, self.now())
        return visit.client.stamp_of(visit.head) + identity_lines(token, visit.request_id, visit.traceparent)


def _too_fast(visit: Visit) -> ProblemError:
    quota, wait = visit.known.caller.quota, max(1, ceil(visit.counted.retry_after / _MICRO))
    detail = f"the quota is {quota.requests} in {quota.window:g} s; wait {wait} s"
    return ProblemError("too-many-requests", detail, headers={"Retry-After": str(wait)})
