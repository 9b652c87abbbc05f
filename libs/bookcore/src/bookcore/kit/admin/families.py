"""The metrics of every process: name, type, labels, unit and meaning; docs/metrics.md is made of this list.

Names follow Prometheus: base units, `_total` for counters, `_seconds` and `_bytes` as suffixes. Every label
has few values: routes, not paths; kinds of reasons, not texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ALL = ("gateway", "books-api", "search-api", "ml-api", "ingestor", "scraper", "trainer", "cli")
_SERVICES = ("gateway", "books-api", "search-api", "ml-api", "ingestor", "scraper")
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_FRESHNESS_SECONDS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 86_400.0)
_PREDICT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)


class MetricType(StrEnum):
    """Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """A name as it is exported, a counter's with `_total`. `buckets`: upper bounds of a histogram."""

    name: str
    type: MetricType
    labels: Sequence[str]
    unit: str
    meaning: str
    processes: Sequence[str]
    buckets: Sequence[float] = ()


def list_families(process: str) -> Sequence[MetricFamily]:
    """The families that a process exports."""
    return [family for family in METRICS.values() if process in family.processes]


def _make_counter(name: str, labels: str, meaning: str, process: str) -> MetricFamily:
    return MetricFamily(name, MetricType.COUNTER, labels.split(), "", meaning, (process,))


def _make_gauge(name: str, labels: str, unit: str, meaning: str, process: str) -> MetricFamily:
    return MetricFamily(name, MetricType.GAUGE, labels.split(), unit, meaning, (process,))


def _make_histogram(
    name: str, labels: str, meaning: str, process: str, buckets: Sequence[float] = REQUEST_SECONDS
) -> MetricFamily:
    return MetricFamily(name, MetricType.HISTOGRAM, labels.split(), "seconds", meaning, (process,), buckets)


def _list_shared() -> Iterator[MetricFamily]:
    gauge = MetricType.GAUGE
    yield MetricFamily(
        "bookstream_build_info", gauge, ["process", "version"], "", "1; the version of the process", ALL
    )
    yield MetricFamily(
        "bookstream_dependency_up",
        gauge,
        ["dependency"],
        "",
        "1 when the store answered the last check, else 0; checked every ten seconds",
        _SERVICES,
    )
    spans = "spans by outcome: sent, dropped (the queue was full) or failed (the collector took none)"
    counter = MetricType.COUNTER
    yield MetricFamily("bookstream_spans_total", counter, ["outcome"], "", spans, _SERVICES)
    process = {
        "process_virtual_memory_bytes": ("bytes", "virtual memory"),
        "process_resident_memory_bytes": ("bytes", "resident memory"),
        "process_start_time_seconds": ("seconds", "start of the process since 1970"),
        "process_open_fds": ("", "open file descriptors"),
        "process_max_fds": ("", "limit of open file descriptors"),
    }
    cpu = "processor time of user and system; like all of process_*, of the worker that answers"
    yield MetricFamily("process_cpu_seconds_total", counter, [], "seconds", cpu, ALL)
    for name, (unit, meaning) in process.items():
        yield MetricFamily(name, gauge, [], unit, meaning, ALL)


def _list_services() -> Iterator[MetricFamily]:
    for process in ("books-api", "search-api", "ml-api", "gateway"):
        prefix = process.replace("-", "_")
        requests = "requests by method, route and response status"
        yield _make_counter(f"{prefix}_requests_total", "method route status", requests, process)
        duration = "from a request's head to the end of its response, by route"
        yield _make_histogram(f"{prefix}_request_seconds", "route", duration, process)


def _list_gateway() -> Iterator[MetricFamily]:
    counters = {
        "gateway_requests_counted_locally_total": (
            "",
            "requests rate-limited per process, while the cache server was away",
        ),
        "gateway_address_limited_requests_total": (
            "",
            "requests refused by the limit of their network address",
        ),
        "gateway_slow_readers_total": ("", "clients disconnected because they read a response too slowly"),
        "gateway_websockets_opened_total": ("", "WebSockets opened"),
        "gateway_upstream_request_failures_total": (
            "service reason",
            "requests to a service without a complete response, by reason",
        ),
        "gateway_upstream_resolutions_total": (
            "service outcome",
            "answers for the name of a service: good, or failed, which keeps the addresses",
        ),
        "gateway_counted_without_server_total": ("", "deprecated: use gateway_requests_counted_locally"),
        "gateway_crowded_total": ("", "deprecated: use gateway_address_limited_requests"),
        "gateway_upstream_failures_total": (
            "service reason",
            "deprecated: use gateway_upstream_request_failures",
        ),
    }
    for name, (labels, meaning) in counters.items():
        yield _make_counter(name, labels, meaning, "gateway")


def _list_gateway_gauges() -> Iterator[MetricFamily]:
    gauges = {
        "gateway_cache_bytes": ("", "bytes", "cached responses in memory"),
        "gateway_cache_entries": ("", "", "cached responses in memory"),
        "gateway_connections": ("", "", "open client connections"),
        "gateway_websockets": ("", "", "open WebSockets"),
        "gateway_upstream_outstanding": ("service address", "", "requests under way by upstream address"),
        "gateway_upstream_ejected": (
            "service address",
            "",
            "processes that have ejected the upstream address",
        ),
        "gateway_upstream_breaker_open": (
            "service",
            "",
            "processes whose circuit breaker for the service is open",
        ),
        "gateway_workers": ("", "", "worker processes that these metrics sum up"),
        "gateway_upstream_resting": ("service address", "", "deprecated: use gateway_upstream_ejected"),
    }
    for name, (labels, unit, meaning) in gauges.items():
        yield _make_gauge(name, labels, unit, meaning, "gateway")


def _list_ml() -> Iterator[MetricFamily]:
    live = "model version variant"
    gauges = {
        "ml_live_rmsle": (live, "", "RMSLE of predictions with an observed price"),
        "ml_live_coverage": (live, "", "share of observed prices inside the interval"),
        "ml_live_observed": (live, "", "predictions with an observed price"),
        "ml_drift_psi": (
            "model feature",
            "",
            "population stability index of requested features; above 0.25 is drift",
        ),
        "ml_drift_ks": (
            "model feature",
            "",
            "Kolmogorov-Smirnov distance of requested features; above 0.3 is drift",
        ),
        "ml_source_has_signal": (
            "model source currency",
            "",
            "1 when the newest model passed the gate, else 0",
        ),
        "ml_model_age_seconds": ("model", "seconds", "time since the champion was trained"),
        "ml_trial_percent": ("model", "percent", "subjects that the challenger predicts for"),
        "ml_predictions_waiting": ("", "", "predictions in the journal that are not in table and topic yet"),
        "ml_registry_trouble": ("", "", "1 while the registry is unavailable or a model can't be loaded"),
    }
    yield _make_counter("ml_predictions_total", "model kind", "predictions by model and kind", "ml-api")
    yield _make_counter(
        "ml_challenger_failures_total",
        "model version",
        "failed predictions of a challenger in this process",
        "ml-api",
    )
    for name, (labels, unit, meaning) in gauges.items():
        yield _make_gauge(name, labels, unit, meaning, "ml-api")
    yield _make_histogram(
        "ml_predict_seconds", "", "duration of a predict request", "ml-api", _PREDICT_SECONDS
    )


def _list_ingestor() -> Iterator[MetricFamily]:
    counters = {
        "ingestor_records_total": ("group outcome", "records handled: accepted, or rejected as dead letters"),
        "ingestor_dead_letters_total": ("group reason", "dead letters by the field at fault, or `other`"),
        "ingestor_remarks_total": ("source field", "optional values that could not be read, by field"),
    }
    partition = "group partition"
    gauges = {
        "ingestor_lag_messages": (partition, "", "records that the group has not committed"),
        "ingestor_lag_seconds": (
            partition,
            "seconds",
            "age of the oldest record that the group has not committed; 0 without one",
        ),
        "ingestor_outbox_messages": ("", "", "messages in the outbox"),
        "ingestor_source_last_complete_timestamp_seconds": (
            "source",
            "seconds",
            "end of the source's last complete crawl or import, since 1970",
        ),
        "ingestor_source_paused": ("source", "", "1 while a source is paused by its dead letters"),
        "ingestor_outbox_oldest_seconds": (
            "",
            "seconds",
            "how long this process has seen the oldest message of the outbox wait",
        ),
        "ingestor_drill_timestamp_seconds": (
            "",
            "seconds",
            "end of the last restore drill that ended equal, since 1970; 0 without one",
        ),
        "ingestor_drill_recovery_seconds": ("", "seconds", "RTO of that drill: time of the restore"),
        "ingestor_drill_event_age_seconds": (
            "",
            "seconds",
            "RPO of that drill: age of the newest event in the lake",
        ),
    }
    for name, (labels, meaning) in counters.items():
        yield _make_counter(name, labels, meaning, "ingestor")
    for name, (labels, unit, meaning) in gauges.items():
        yield _make_gauge(name, labels, unit, meaning, "ingestor")
    batch = "handling of one batch of one partition"
    yield _make_histogram("ingestor_batch_seconds", "group", batch, "ingestor", _BATCH_SECONDS)
    fresh = "from the observation of a book until the search index has acknowledged its state"
    yield _make_histogram("ingestor_freshness_seconds", "", fresh, "ingestor", _FRESHNESS_SECONDS)


def _list_jobs() -> Iterator[MetricFamily]:
    pages = "pages by outcome: book, listing, unmodified or failed"
    yield _make_counter("scraper_pages_total", "source outcome", pages, "scraper")
    yield _make_counter("scraper_retries_total", "source", "requests that were sent again", "scraper")
    frontier = "pages of the frontier: queued, leased or failed"
    yield _make_gauge("scraper_frontier_pages", "source state", "", frontier, "scraper")
    complete = "end of the last complete crawl that this process has run, since 1970"
    yield _make_gauge("scraper_last_complete_timestamp_seconds", "source", "seconds", complete, "scraper")
    due = "when the next scheduled run is due, since 1970; in the past while it can't begin"
    yield _make_gauge("scraper_schedule_due_timestamp_seconds", "source", "seconds", due, "scraper")
    last = "end of the last training that this process has run, since 1970"
    yield _make_gauge("trainer_last_run_timestamp_seconds", "source", "seconds", last, "trainer")
    result = "trainings of this process by result: promoted, refused, kept, unchanged or failed"
    yield _make_counter("trainer_runs_total", "source result", result, "trainer")
    audit = "acknowledged events of the last audit: acked, lost, or doubled for effects that are there twice"
    yield _make_gauge("bookstream_audit_events", "result", "", audit, "cli")
    done = "end of the last audit of this process, since 1970"
    yield _make_gauge("bookstream_audit_timestamp_seconds", "", "seconds", done, "cli")


METRICS: Mapping[str, MetricFamily] = {
    family.name: family
    for part in (
        _list_shared,
        _list_services,
        _list_gateway,
        _list_gateway_gauges,
        _list_ml,
        _list_ingestor,
        _list_jobs,
    )
    for family in part()
}
"""Every metric by name, in the order of docs/metrics.md."""
