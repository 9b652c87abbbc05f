"""Alerts on a state instead of a budget."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Threshold:
    """`severity`: page, ticket or info; it fires after so many `minutes` of `expression`."""

    name: str
    expression: str
    minutes: int
    severity: str
    summary: str


STATES = (
    Threshold("TargetDown", "up == 0", 5, "page", "Prometheus can't read {{ $labels.instance }}"),
    Threshold(
        "NoTraffic",
        "absent(gateway_requests_total) or sum(rate(gateway_requests_total[15m])) == 0",
        15,
        "page",
        "no request has reached a gateway for 15 minutes",
    ),
    Threshold(
        "EventsLost",
        'bookstream_audit_events{result="lost"} > 0',
        0,
        "page",
        "the last audit misses {{ $value }} acknowledged events",
    ),
    Threshold(
        "ConsumerLag",
        "max by (group) (ingestor_lag_seconds) > 300",
        5,
        "page",
        "{{ $labels.group }} is {{ $value | humanizeDuration }} behind",
    ),
    Threshold(
        "OutboxStuck",
        "max(ingestor_outbox_oldest_seconds) > 300",
        5,
        "page",
        "a change has waited in the outbox for {{ $value | humanizeDuration }}",
    ),
    Threshold(
        "DependencyDown",
        "min by (dependency, job) (bookstream_dependency_up) == 0",
        5,
        "page",
        "{{ $labels.job }} can't reach {{ $labels.dependency }}",
    ),
    Threshold(
        "BreakerOpen",
        "max by (service) (gateway_upstream_breaker_open) > 0",
        5,
        "page",
        "gateways have given up on {{ $labels.service }}",
    ),
    Threshold(
        "LimitsPerProcess",
        "rate(gateway_requests_counted_locally_total[10m]) > 0",
        10,
        "ticket",
        "rate limits are counted per gateway: the cache server is away",
    ),
    Threshold(
        "CrawlTooOld",
        "time() - max by (source) (scraper_last_complete_timestamp_seconds) > 2 * 86400",
        60,
        "ticket",
        "the last complete crawl of {{ $labels.source }} ended {{ $value | humanizeDuration }} ago",
    ),
    Threshold(
        "ScheduleMissed",
        "time() - max by (source) (scraper_schedule_due_timestamp_seconds) > 3600",
        15,
        "ticket",
        "a run of {{ $labels.source }} is due since {{ $value | humanizeDuration }} and hasn't begun",
    ),
    Threshold(
        "DrillTooOld",
        "time() - max(ingestor_drill_timestamp_seconds) > 8 * 86400",
        60,
        "ticket",
        "the last restore drill that ended equal was {{ $value | humanizeDuration }} ago",
    ),
    Threshold(
        "BackupTooOld",
        'time() - max(kube_cronjob_status_last_successful_time{cronjob="backup"}) > 26 * 3600',
        60,
        "ticket",
        "the last dump of the database ended {{ $value | humanizeDuration }} ago",
    ),
)
_CHAMPION = '{variant="champion"}'
MODELS = (
    Threshold(
        "IntervalsHoldTooLittle",
        f"ml_live_coverage{_CHAMPION} < 0.85 and ml_live_observed{_CHAMPION} >= 100",
        10,
        "ticket",
        "{{ $labels.model }} version {{ $labels.version }}: its 90 % intervals hold "
        "{{ $value | humanizePercentage }} of the prices",
    ),
    Threshold(
        "InputsDrift",
        "ml_drift_psi > 0.25",
        30,
        "ticket",
        "{{ $labels.model }}: {{ $labels.feature }} of what is asked differs from what was trained on",
    ),
    Threshold(
        "InputsHaveAnotherShape",
        "ml_drift_ks > 0.3",
        30,
        "ticket",
        "{{ $labels.model }}: the distribution of {{ $labels.feature }} is {{ $value }} from the trained one",
    ),
    Threshold(
        "ModelIsOld",
        "ml_model_age_seconds > 90 * 86400",
        0,
        "ticket",
        "{{ $labels.model }}: its champion was trained {{ $value | humanizeDuration }} ago",
    ),
    Threshold(
        "SourceIsNoise",
        "ml_source_has_signal == 0",
        60,
        "info",
        "prices of {{ $labels.source }} in {{ $labels.currency }} carry no signal; its answers are baselines",
    ),
    Threshold(
        "ChallengerFails",
        "increase(ml_challenger_failures_total[10m]) > 0",
        0,
        "ticket",
        "{{ $labels.model }} version {{ $labels.version }} fails; the champion answers instead",
    ),
    Threshold(
        "PredictionsAreNotWritten",
        "ml_predictions_waiting > 10000",
        5,
        "page",
        "{{ $value }} predictions are in the journal only; beyond 100,000 new ones are refused",
    ),
    Threshold(
        "ModelsCannotBeRefreshed",
        "ml_registry_trouble == 1",
        5,
        "page",
        "the registry is away, or a model in it was altered; loaded models serve on",
    ),
    Threshold(
        "PredictionsAreSlow",
        "histogram_quantile(0.99, sum by (le) (rate(ml_predict_seconds_bucket[5m]))) > 0.1",
        10,
        "ticket",
        "one in a hundred predict requests takes more than 100 ms in ml-api",
    ),
)
"""Figures of a model's version count only once enough true prices are known."""


def build_threshold(threshold: Threshold) -> Mapping[str, object]:
    """Its alert."""
    return {
        "alert": threshold.name,
        "expr": threshold.expression,
        "for": f"{threshold.minutes}m",
        "labels": {"severity": threshold.severity},
        "annotations": {"summary": threshold.summary, "runbook_url": build_runbook_path(threshold.name)},
    }


def build_runbook_path(alert: str) -> str:
    """The page of an alert, from the repository's root."""
    return f"docs/runbooks/{alert}.md"
