"""The /metrics endpoint for Prometheus; requests only increment plain numbers, a scrape formats them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bookcore.kit.problem import ProblemError
from gateway.http.client_address import parse_address
from gateway.http.scope import has_unknown_proxy, is_on_admin_port
from gateway.observability.access_log import LATENCY_BUCKETS
from gateway.observability.counters import SUM, Counters, Sample
from gateway.observability.worker_counters import WorkerCounters

_log = structlog.get_logger()
_EVERY_SECONDS = 1.0
_HISTOGRAM = "gateway_request_seconds"
_ADDRESS = ["service", "address"]
METRICS = {
    "gateway_requests": "requests by method, route and response status",
    "gateway_request_seconds": "seconds from a request's head to the end of its response, by route",
    "gateway_cache_bytes": "bytes of cached responses in memory",
    "gateway_cache_entries": "cached responses in memory",
    "gateway_requests_counted_locally": "requests rate-limited per process, while the cache server was away",
    "gateway_address_limited_requests": "requests refused by the limit of their network address",
    "gateway_connections": "open client connections",
    "gateway_slow_readers": "clients disconnected because they read a response too slowly",
    "gateway_websockets_opened": "WebSockets opened",
    "gateway_websockets": "open WebSockets",
    "gateway_upstream_outstanding": "requests under way by upstream address",
    "gateway_upstream_ejected": "processes that have ejected the upstream address",
    "gateway_upstream_breaker_open": "processes whose circuit breaker for the service is open",
    "gateway_upstream_request_failures": "requests to a service without a complete response, by reason",
    "gateway_workers": "worker processes that these metrics sum up",
    "gateway_counted_without_server": "deprecated: use gateway_requests_counted_locally",
    "gateway_crowded": "deprecated: use gateway_address_limited_requests",
    "gateway_upstream_resting": "deprecated: use gateway_upstream_ejected",
    "gateway_upstream_failures": "deprecated: use gateway_upstream_request_failures",
}
"""Every metric with its help, each the sum over all workers; counters get the suffix `_total`."""
_COUNTERS = {
    "gateway_requests": ["method", "route", "status"],
    "gateway_requests_counted_locally": [],
    "gateway_address_limited_requests": [],
    "gateway_slow_readers": [],
    "gateway_websockets_opened": [],
    "gateway_upstream_request_failures": ["service", "reason"],
    "gateway_counted_without_server": [],
    "gateway_crowded": [],
    "gateway_upstream_failures": ["service", "reason"],
}
_GAUGES = {
    "gateway_cache_bytes": [],
    "gateway_cache_entries": [],
    "gateway_connections": [],
    "gateway_websockets": [],
    "gateway_upstream_outstanding": _ADDRESS,
    "gateway_upstream_ejected": _ADDRESS,
    "gateway_upstream_breaker_open": ["service"],
    "gateway_workers": [],
    "gateway_upstream_resting": _ADDRESS,
}
_DEPRECATED = {
    "gateway_requests_counted_locally": "gateway_counted_without_server",
    "gateway_address_limited_requests": "gateway_crowded",
    "gateway_upstream_ejected": "gateway_upstream_resting",
    "gateway_upstream_request_failures": "gateway_upstream_failures",
}
"""Old names of renamed metrics, published for one version more."""
_DEPRECATED_REASONS = {
    "unreachable": "refused",
    "timeout": "slow",
    "disconnected": "broken",
    "pool_exhausted": "full",
    "circuit_open": "resting",
}


class CountersCollector(Collector):
    """Formats counters as Prometheus metric families."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterable[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
            **{name: CounterMetricFamily(name, METRICS[name], labels=ls) for name, ls in _COUNTERS.items()},
            **{name: GaugeMetricFamily(name, METRICS[name], labels=ls) for name, ls in _GAUGES.items()},
        }
        for samples in (self._counters.counts, self._counters.gauges):
            for (name, *labels), value in (*samples.items(), *_list_deprecated(samples)):
                if name in families:
                    families[name].add_metric(labels, value)
        yield from families.values()
        yield from self._collect_histograms()

    def _collect_histograms(self) -> Iterator[Metric]:
        bounds = [*(str(bound) for bound in LATENCY_BUCKETS), "+Inf"]
        counts: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(bounds))
        seconds: dict[str, float] = {}
        for (name, *labels), value in self._counters.counts.items():
            if name == _HISTOGRAM and labels[1] == SUM:
                seconds[labels[0]] = value
            elif name == _HISTOGRAM:
                counts[labels[0]][int(labels[1])] = value
        family = HistogramMetricFamily(_HISTOGRAM, METRICS[_HISTOGRAM], labels=["route"])
        for route, buckets in counts.items():
            cumulative = list(zip(bounds, accumulate(buckets), strict=True))
            family.add_metric([route], cumulative, seconds.get(route, 0.0))
        yield family


class MetricsEndpoint:
    """Answers private networks only, and no unknown proxy; on the admin port, where there is one, everybody.

    With `WorkerCounters` it sums over all workers. `collect` gives the counters of this process; `sweep`
    publishes them once a second.
    """

    def __init__(self, collect: Callable[[], Counters], *, has_admin_port: bool = False) -> None:
        self._collect, self._has_admin_port = collect, has_admin_port
        self._worker_counters: WorkerCounters | None = None
        self._next = 0.0
        self._is_failing = False

    def use_worker_counters(self, worker_counters: WorkerCounters) -> None:
        """This process is one of several workers."""
        self._worker_counters = worker_counters

    async def __call__(self, request: Request) -> Response:
        """Raises: ProblemError, not-found for whom it is not meant."""
        if not is_on_admin_port(request.scope) and (self._has_admin_port or not _is_trusted(request)):
            raise ProblemError("not-found", "there is nothing here")
        registry = CollectorRegistry()
        registry.register(CountersCollector(self._read_counters()))
        return PlainTextResponse(generate_latest(registry), media_type="text/plain; version=0.0.4")

    def publish(self) -> None:
        """Writes this worker's counters for the other workers. Raises: OSError."""
        if self._worker_counters is not None:
            self._worker_counters.publish(self._collect())

    def sweep(self, now: float) -> None:
        if self._worker_counters is None or now < self._next:
            return
        self._next = now + _EVERY_SECONDS
        try:
            self.publish()
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                _log.error("publishing this worker's metrics failed; retrying", error=str(error))
            self._is_failing = True

    def _read_counters(self) -> Counters:
        if self._worker_counters is None:
            return self._collect()
        try:
            self.publish()
            return self._worker_counters.read_total()
        except OSError as error:
            raise ProblemError("unavailable", f"the workers' metrics can't be read ({error})") from error


def _list_deprecated(samples: Mapping[Sample, float]) -> Iterator[tuple[Sample, float]]:
    for (name, *labels), value in samples.items():
        if name in _DEPRECATED:
            yield (_DEPRECATED[name], *(_DEPRECATED_REASONS.get(label, label) for label in labels)), value


def _is_trusted(request: Request) -> bool:
    address = parse_address(request.client.host if request.client else "")
    return address is not None and address.is_private and not has_unknown_proxy(request.scope)
