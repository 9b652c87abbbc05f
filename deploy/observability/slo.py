"""Service level objectives and their alert rules: `python -m deploy.observability.slo` writes slo.yml.

An objective allows a share of bad events over 28 days, its error budget. An alert fires when the budget is
spent so many times too fast, in a long window and in a short one, which ends the alert soon after the fault
(Google's Site Reliability Workbook, chapter 5).
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

RULES = Path(__file__).parent / "slo.yml"
_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_BURNS = {
    "page": ((14.4, "1h", "5m"), (6.0, "6h", "30m")),
    "ticket": ((3.0, "1d", "2h"), (1.0, "3d", "6h")),
}
"""Severity -> factors of the allowed rate, with their long and short windows."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`bad` and `all` count events per second; `WINDOW` in them is replaced."""

    name: str
    percent: float
    meaning: str
    bad: str
    all: str

    @property
    def budget(self) -> float:
        """Share of events that may be bad."""
        return round(1 - self.percent / 100, 6)


_API = 'gateway_requests_total{route!="own"'
_COUNT = 'gateway_request_seconds_count{route!~"own|/books/export"}'
_QUICK = 'gateway_request_seconds_bucket{route!~"own|/books/export",le="0.25"}'
OBJECTIVES = (
    Objective(
        "ApiAvailability",
        99.9,
        "responses of the API without a server error",
        f'sum(rate({_API},status=~"5.."}}[WINDOW]))',
        f"sum(rate({_API}}}[WINDOW]))",
    ),
    Objective(
        "ApiLatency",
        99.0,
        "responses of the API within 250 ms, exports left out",
        f"sum(rate({_COUNT}[WINDOW])) - sum(rate({_QUICK}[WINDOW]))",
        f"sum(rate({_COUNT}[WINDOW]))",
    ),
    Objective(
        "Freshness",
        99.0,
        "books searchable within 60 s of their observation",
        "sum(rate(ingestor_freshness_seconds_count[WINDOW]))"
        ' - sum(rate(ingestor_freshness_seconds_bucket{le=~"60(\\\\.0)?"}[WINDOW]))',
        "sum(rate(ingestor_freshness_seconds_count[WINDOW]))",
    ),
    Objective(
        "DeadLetters",
        99.9,
        "records that are accepted",
        'sum(rate(ingestor_records_total{outcome="rejected"}[WINDOW]))',
        "sum(rate(ingestor_records_total[WINDOW]))",
    ),
    Objective(
        "CrawlSuccess",
        99.0,
        "pages that are fetched and read",
        'sum(rate(scraper_pages_total{outcome="failed"}[WINDOW]))',
        "sum(rate(scraper_pages_total[WINDOW]))",
    ),
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """An alert on a state instead of a budget."""

    name: str
    expression: str
    minutes: int
    severity: str
    summary: str


THRESHOLDS = (
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
)


def build_rules() -> Mapping[str, object]:
    """Prometheus' rule groups."""
    burning = [rule for objective in OBJECTIVES for rule in _build_objective(objective)]
    states = [_build_threshold(threshold) for threshold in THRESHOLDS]
    return {
        "groups": [
            {"name": "bookstream-objectives", "rules": burning},
            {"name": "bookstream-states", "rules": states},
        ]
    }


def _build_objective(objective: Objective) -> Iterator[Mapping[str, object]]:
    for window in _WINDOWS:
        expression = f"({objective.bad}) / ({objective.all})".replace("WINDOW", window)
        yield {
            "record": f"slo:error_ratio:rate{window}",
            "labels": {"objective": objective.name},
            "expr": expression,
        }
    for severity, burns in _BURNS.items():
        selector = f'{{objective="{objective.name}"}}'
        expression = " or ".join(
            " and ".join(
                f"slo:error_ratio:rate{window}{selector} > {round(factor * objective.budget, 6):g}"
                for window in (long, short)
            )
            for factor, long, short in burns
        )
        yield {
            "alert": objective.name,
            "expr": expression,
            "labels": {"severity": severity},
            "annotations": {
                "summary": f"{{{{ $value | humanizePercentage }}}} bad; objective: {objective.percent:g} % "
                f"{objective.meaning}",
                "runbook_url": _build_runbook_path(objective.name),
            },
        }


def _build_threshold(threshold: Threshold) -> Mapping[str, object]:
    return {
        "alert": threshold.name,
        "expr": threshold.expression,
        "for": f"{threshold.minutes}m",
        "labels": {"severity": threshold.severity},
        "annotations": {"summary": threshold.summary, "runbook_url": _build_runbook_path(threshold.name)},
    }


def _build_runbook_path(alert: str) -> str:
    return f"docs/runbooks/{alert}.md"


def dump_rules() -> str:
    """The text of slo.yml."""
    note = "# Written by deploy/observability/slo.py.\n"
    return note + yaml.safe_dump(build_rules(), sort_keys=False, width=110)


if __name__ == "__main__":
    RULES.write_text(dump_rules())
    sys.stdout.write(f"{RULES.name} written\n")
