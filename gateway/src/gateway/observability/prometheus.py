"""What Prometheus reads at /metrics: made of plain numbers when it asks; requests pay hardly anything."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from itertools import accumulate

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bookcore.kit.problem import ProblemError
from gateway.observability.access_log import LATENCY_BUCKETS
from gateway.observability.counters import SUM, Counters, Watched, collect_counters
from gateway.observability.worker_counters import WorkerCounters

_log = structlog.get_logger()
_EVERY_SECONDS = 1.0
_TIMES = "gateway_request_seconds"
_SERVICE = ["service", "address"]
METRICS = {
    "gateway_requests": "answered requests by method, route and status",
    "gateway_request_seconds": "time from a request's head to the end of its answer, by route",
    "gateway_cache_bytes": "memory that cached answers take in the processes",
    "gateway_cache_entries": "cached answers in the processes",
    "gateway_counted_without_server": "requests that were counted while the cache server was away",
    "gateway_crowded": "requests refused because their network address sent too many",
    "gateway_connections": "open client connections",
    "gateway_upstream_outstanding": "requests under way at an address of a service",
    "gateway_upstream_resting": "processes that leave an address of a service out",
    "gateway_upstream_breaker_open": "processes that ask a service only once a second because it fails",
    "gateway_upstream_failures": "calls to a service that gave no whole answer, by reason",
    "gateway_workers": "processes that these numbers are of",
}
"""Every metric with its meaning, each the sum over all workers; counters get `_total` behind their name."""
_COUNTERS = {
    "gateway_requests": ["method", "route", "status"],
    "gateway_counted_without_server": [],
    "gateway_crowded": [],
    "gateway_upstream_failures": ["service", "reason"],
}
_GAUGES = {
    "gateway_cache_bytes": [],
    "gateway_cache_entries": [],
    "gateway_connections": [],
    "gateway_upstream_outstanding": _SERVICE,
    "gateway_upstream_resting": _SERVICE,
    "gateway_upstream_breaker_open": ["service"],
    "gateway_workers": [],
}


class CountersCollector(Collector):
    """Says numbers as Prometheus wants them."""

    def __init__(self, numbers: Counters) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """As Collector."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
            **{name: CounterMetricFamily(name, METRICS[name], labels=ls) for name, ls in _COUNTERS.items()},
            **{name: GaugeMetricFamily(name, METRICS[name], labels=ls) for name, ls in _GAUGES.items()},
        }
        for (name, *labels), value in (*self._numbers.counts.items(), *self._numbers.gauges.items()):
            if name in families:
                families[name].add_metric(labels, value)
        yield from families.values()
        yield from self._collect_histograms()

    def _collect_histograms(self) -> Iterator[Metric]:
        bounds = [*(str(bound) for bound in LATENCY_BUCKETS), "+Inf"]
        counts: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(bounds))
        seconds: dict[str, float] = {}
        for (name, *labels), value in self._numbers.counts.items():
            if name == _TIMES and labels[1] == SUM:
                seconds[labels[0]] = value
            elif name == _TIMES:
                counts[labels[0]][int(labels[1])] = value
        family = HistogramMetricFamily(_TIMES, METRICS[_TIMES], labels=["route"])
        for route, each in counts.items():
            family.add_metric(
                [route], list(zip(bounds, accumulate(each), strict=True)), seconds.get(route, 0.0)
            )
        yield family


class MetricsEndpoint:
    """The endpoint, for addresses of the own network only; with a board it tells the sum over all workers.

    As Swept it writes this worker's numbers on the board each second.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._worker_counters: WorkerCounters | None = None
        self._next = 0.0
        self._is_failing = False

    def use_worker_counters(self, board: WorkerCounters) -> None:
        """From now on it is one of several."""
        self._worker_counters = board

    async def __call__(self, request: Request) -> Response:
        """As a Starlette endpoint. Raises: ProblemError, not-found for strangers."""
        if not _is_private_address(request.client.host if request.client else ""):
            raise ProblemError("not-found", "there is nothing here")
        registry = CollectorRegistry()
        registry.register(CountersCollector(self._read_counters()))
        return PlainTextResponse(generate_latest(registry), media_type="text/plain; version=0.0.4")

    def publish(self) -> None:
        """Write this worker's numbers down. Raises: OSError."""
        if self._worker_counters is not None:
            self._worker_counters.publish(collect_counters(self._watched))

    def sweep(self, now: float) -> None:
        """As Swept."""
        if self._worker_counters is None or now < self._next:
            return
        self._next = now + _EVERY_SECONDS
        try:
            self.publish()
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                _log.error("the metrics can't be shared with the other workers", error=str(error))
            self._is_failing = True

    def _read_counters(self) -> Counters:
        if self._worker_counters is None:
            return collect_counters(self._watched)
        try:
            self.publish()
            return self._worker_counters.read_total()
        except OSError as error:
            raise ProblemError("unavailable", f"the workers' numbers can't be read ({error})") from error


def _is_private_address(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return False
