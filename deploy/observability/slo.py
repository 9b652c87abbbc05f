"""Service level objectives and their rules.

An objective allows a share of bad events over 28 days, its error budget. An alert fires when the budget is
spent so many times too fast, in a long window and in a short one, which ends the alert soon after the fault
(Google's Site Reliability Workbook, chapter 5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.observability.thresholds import build_runbook_path

_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_BURNS = {
    "page": ((14.4, "1h", "5m"), (6.0, "6h", "30m")),
    "ticket": ((3.0, "1d", "2h"), (1.0, "3d", "6h")),
}
"""Severity -> factors of the allowed rate, with their long and short windows."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`bad` and `all` count events per second; `WINDOW` in them is replaced. Without `bad` series it is 0."""

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


def build_objective(objective: Objective) -> Iterator[Mapping[str, object]]:
    """Recording rules of every window, then one alert a severity."""
    for window in _WINDOWS:
        expression = f"(({objective.bad}) or 0 * ({objective.all})) / ({objective.all})"
        yield {
            "record": f"slo:error_ratio:rate{window}",
            "labels": {"objective": objective.name},
            "expr": expression.replace("WINDOW", window),
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
                "runbook_url": build_runbook_path(objective.name),
            },
        }
