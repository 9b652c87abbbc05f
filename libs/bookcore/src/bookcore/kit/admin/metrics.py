"""The metrics of one process, by the names of bookcore.kit.admin.families."""

from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bookcore.kit.admin.families import MetricFamily, MetricType, list_families

MAX_SERIES = 500
"""Series of one family; further label values are counted together as `other`."""
_OTHER = "other"
_PROCESS = "process_"
_UP = "bookstream_dependency_up"
_DISTRIBUTIONS = {"cli": "bookstream"}


class ProcessMetrics:
    """Counters, gauges and histograms of this process; thread-safe. A name that isn't in the list of its
    process raises KeyError.

    The families `elsewhere` are exported by a collector of the process itself, in the same `registry`.
    """

    def __init__(self, process: str, *, elsewhere: Collection[str] = ()) -> None:
        self.process, self.version = process, read_version(process)
        self.registry = CollectorRegistry()
        self._families: dict[str, Counter | Gauge | Histogram] = {}
        self._labels: dict[str, set[tuple[str, ...]]] = {}
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a family of its own for each counter, which nobody reads
        ProcessCollector(registry=self.registry)
        for family in list_families(process):
            if not (family.name in elsewhere or family.name.startswith(_PROCESS) or family.name == _UP):
                self._families[family.name] = _create(family, self.registry)
                self._labels[family.name] = set()
        self.set("bookstream_build_info", process, self.version, value=1)

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Adds to a counter."""
        child = self._get(name, labels)
        assert isinstance(child, Counter)
        child.inc(by)

    def set(self, name: str, *labels: str, value: float) -> None:
        """Sets a gauge."""
        child = self._get(name, labels)
        assert isinstance(child, Gauge)
        child.set(value)

    def observe(self, name: str, *labels: str, value: float) -> None:
        """Adds a value to a histogram."""
        child = self._get(name, labels)
        assert isinstance(child, Histogram)
        child.observe(value)

    def remove(self, name: str) -> None:
        """Forgets all series of a family, before it is set anew."""
        self._families[name].clear()
        self._labels[name].clear()

    def watch_dependencies(self, read_states: Callable[[], Mapping[str, str | None]]) -> None:
        """Exports whether each store answered its last check; for a process that has stores to check."""
        self.registry.register(_DependencyCollector(read_states))

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _get(self, name: str, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
        family = self._families[name]
        if not labels:
            return family
        known = self._labels[name]
        if labels not in known:
            if len(known) >= MAX_SERIES:
                labels = (_OTHER,) * len(labels)
            known.add(labels)
        return family.labels(*labels)


class _DependencyCollector(Collector):
    def __init__(self, read_states: Callable[[], Mapping[str, str | None]]) -> None:
        self._read_states = read_states

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            _UP, "1 when the store answered the last check, else 0", labels=["dependency"]
        )
        for name, reason in self._read_states().items():
            gauge.add_metric([name], float(reason is None))
        yield gauge


def _create(family: MetricFamily, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if family.type is MetricType.COUNTER:
        return Counter(family.name, family.meaning, family.labels, registry=registry)
    if family.type is MetricType.GAUGE:
        return Gauge(family.name, family.meaning, family.labels, registry=registry)
    return Histogram(family.name, family.meaning, family.labels, registry=registry, buckets=family.buckets)


def read_version(process: str) -> str:
    """Of the distribution of a process."""
    try:
        return version(_DISTRIBUTIONS.get(process, process))
    except PackageNotFoundError:
        return "unknown"
