"""The /metrics endpoint for Prometheus; requests only increment plain numbers, a scrape formats them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from bookcore.domain.errors import Unavailable
from bookcore.kit.admin.event_loop import EventLoopGate
from bookcore.kit.admin.families import MetricFamily, MetricType, list_families
from bookcore.kit.admin.server import METRICS_TYPE
from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.logger import get_logger
from bookcore.kit.problem import ProblemError
from gateway.http.client_address import parse_address
from gateway.http.scope import has_unknown_proxy
from gateway.observability.access_log import LATENCY_BUCKETS
from gateway.observability.counters import SUM, Counters, Sample
from gateway.observability.worker_counters import WorkerCounters

_log = get_logger(__name__)
_EVERY_SECONDS = 1.0
_HISTOGRAM = "gateway_request_seconds"
FAMILIES = {
    family.name.removesuffix("_total"): family
    for family in list_families("gateway")
    if family.name.startswith("gateway_")
}
"""The gateway's own metrics, each the sum over all workers; counters get the suffix `_total`."""
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
    """Formats counters as Prometheus metric families; `read_counters` runs in the event loop."""

    def __init__(self, read_counters: Callable[[], Counters], gate: EventLoopGate) -> None:
        self._read_counters, self._gate = read_counters, gate

    def collect(self) -> Iterable[Metric]:
        """Raises: Unavailable when the event loop doesn't turn or the counters can't be read."""
        counters = self._gate.call(self._read_counters)
        families = {name: _create_family(family) for name, family in FAMILIES.items() if name != _HISTOGRAM}
        for samples in (counters.counts, counters.gauges):
            for (name, *labels), value in (*samples.items(), *_list_deprecated(samples)):
                if name in families:
                    families[name].add_metric(labels, value)
        yield from families.values()
        yield from _collect_histograms(counters)


def _collect_histograms(counters: Counters) -> Iterator[Metric]:
    bounds = [*(str(bound) for bound in LATENCY_BUCKETS), "+Inf"]
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(bounds))
    seconds: dict[str, float] = {}
    for (name, *labels), value in counters.counts.items():
        if name == _HISTOGRAM and labels[1] == SUM:
            seconds[labels[0]] = value
        elif name == _HISTOGRAM:
            counts[labels[0]][int(labels[1])] = value
    family = HistogramMetricFamily(_HISTOGRAM, FAMILIES[_HISTOGRAM].meaning, labels=["route"])
    for route, buckets in counts.items():
        cumulative = list(zip(bounds, accumulate(buckets), strict=True))
        family.add_metric([route], cumulative, seconds.get(route, 0.0))
    yield family


def _create_family(family: MetricFamily) -> CounterMetricFamily | GaugeMetricFamily:
    if family.type is MetricType.COUNTER:
        return CounterMetricFamily(family.name, family.meaning, labels=family.labels)
    return GaugeMetricFamily(family.name, family.meaning, labels=family.labels)


class MetricsEndpoint:
    """On the public port, for private networks and no unknown proxy; nothing where there is an admin port.

    With `WorkerCounters` it sums over all workers. `collect` gives the counters of this process; `sweep`
    publishes them once a second.
    """

    def __init__(
        self, admin: ServiceAdmin, collect: Callable[[], Counters], *, has_admin_port: bool = False
    ) -> None:
        self._admin, self._collect, self._has_admin_port = admin, collect, has_admin_port
        self._worker_counters: WorkerCounters | None = None
        self._next = 0.0
        self._is_failing = False
        admin.metrics.registry.register(CountersCollector(self._read_counters, admin.gate))

    def use_worker_counters(self, worker_counters: WorkerCounters) -> None:
        """This process is one of several workers."""
        self._worker_counters = worker_counters

    async def __call__(self, request: Request) -> Response:
        """Raises: ProblemError, not-found for whom it is not meant."""
        if self._has_admin_port or not _is_trusted(request):
            raise ProblemError("not-found", "there is nothing here")
        return Response(self._admin.render_metrics(), media_type=METRICS_TYPE)

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
            raise Unavailable(f"the workers' metrics can't be read ({error})") from error


def _list_deprecated(samples: Mapping[Sample, float]) -> Iterator[tuple[Sample, float]]:
    for (name, *labels), value in samples.items():
        if name in _DEPRECATED:
            yield (_DEPRECATED[name], *(_DEPRECATED_REASONS.get(label, label) for label in labels)), value


def _is_trusted(request: Request) -> bool:
    address = parse_address(request.client.host if request.client else "")
    return address is not None and address.is_private and not has_unknown_proxy(request.scope)
