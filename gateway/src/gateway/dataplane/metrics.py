"""What Prometheus reads at /metrics: made of plain numbers when it asks; requests pay hardly anything."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bookcore.kit.problem import ProblemError
from gateway.cache.store import Store
from gateway.core.routes import Service
from gateway.dataplane.inside import Connections
from gateway.dataplane.observe import BUCKETS, Observer
from gateway.dataplane.upstream import Upstream

METRICS = {
    "gateway_requests": "answered requests by method, route and status",
    "gateway_request_seconds": "time from a request's head to the end of its answer, by route",
    "gateway_cache_bytes": "memory that cached answers take in this process",
    "gateway_cache_entries": "cached answers in this process",
    "gateway_counted_without_server": "requests that were counted while the cache server was away",
    "gateway_connections": "open client connections",
    "gateway_upstream_outstanding": "requests under way at an address of a service",
    "gateway_upstream_resting": "1 while an address of a service is left out",
    "gateway_upstream_failures": "calls to a service that gave no whole answer, by reason",
}
"""Every metric with its meaning; counters get `_total` behind their name."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the numbers are."""

    observer: Observer
    store: Store
    connections: Connections
    upstreams: Mapping[Service, Upstream]


class GatewayCollector(Collector):
    """Gives the numbers as they are now."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterable[Metric]:
        """As Collector."""
        yield self._requests()
        yield self._times()
        shelf = self._watched.store.shelf
        yield _gauge("gateway_cache_bytes", shelf.bytes)
        yield _gauge("gateway_cache_entries", len(shelf))
        yield _gauge("gateway_connections", self._watched.connections.count())
        name = "gateway_counted_without_server"
        yield CounterMetricFamily(name, METRICS[name], value=self._watched.store.counted_here)
        yield from self._services()

    def _requests(self) -> Metric:
        name = "gateway_requests"
        family = CounterMetricFamily(name, METRICS[name], labels=["method", "route", "status"])
        for (method, route, status), count in self._watched.observer.requests.items():
            family.add_metric([method, route, str(status)], count)
        return family

    def _times(self) -> Metric:
        name = "gateway_request_seconds"
        family = HistogramMetricFamily(name, METRICS[name], labels=["route"])
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        for route, counts in self._watched.observer.times.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric([route], buckets, self._watched.observer.seconds[route])
        return family

    def _services(self) -> Iterator[Metric]:
        labels = ["service", "address"]
        busy, rests = "gateway_upstream_outstanding", "gateway_upstream_resting"
        outstanding = GaugeMetricFamily(busy, METRICS[busy], labels=labels)
        resting = GaugeMetricFamily(rests, METRICS[rests], labels=labels)
        name = "gateway_upstream_failures"
        failures = CounterMetricFamily(name, METRICS[name], labels=["service", "reason"])
        for upstream in self._watched.upstreams.values():
            left_out = upstream.balancer.resting()
            for address in upstream.balancer.addresses.values():
                outstanding.add_metric([upstream.name, address.url], address.outstanding)
                resting.add_metric([upstream.name, address.url], float(address in left_out))
            for failure, count in upstream.failures.items():
                failures.add_metric([upstream.name, failure.name.lower()], count)
        yield from (outstanding, resting, failures)


class MetricsPage:
    """The endpoint; for addresses of the own network only."""

    def __init__(self, watched: Watched) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(GatewayCollector(watched))

    async def __call__(self, request: Request) -> Response:
        """As a Starlette endpoint. Raises: ProblemError(not-found) for strangers."""
        if not _is_near(request.client.host if request.client else ""):
            raise ProblemError("not-found", "there is nothing here")
        return PlainTextResponse(generate_latest(self._registry), media_type="text/plain; version=0.0.4")


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, METRICS[name], value=value)


def _is_near(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return False
