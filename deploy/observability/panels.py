"""What a dashboard is: rows of panels, each with its queries in PromQL and a sentence on what is healthy.

Series of one meaning have one colour on every dashboard (COLOURS). `$source` is a variable of the dashboards
about sources, `$__rate_interval` is Grafana's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

COLOURS = {
    "2xx": "green",
    "3xx": "blue",
    "4xx": "orange",
    "5xx": "red",
    "p50": "blue",
    "p90": "yellow",
    "p99": "orange",
    "accepted": "green",
    "rejected": "red",
    "book": "green",
    "listing": "blue",
    "unmodified": "purple",
    "failed": "red",
    "gateway": "blue",
    "books-api": "green",
    "search-api": "yellow",
    "ml-api": "purple",
    "ingestor": "orange",
    "scraper": "super-light-blue",
    "champion": "green",
    "challenger": "orange",
    "shadow": "purple",
}
"""Legend -> colour."""
STATUSES = ("2xx", "3xx", "4xx", "5xx")
PROCESSES = ("gateway", "books-api", "search-api", "ml-api", "ingestor", "scraper")


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` may name labels in double braces."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is Grafana's id. Values above `limit` are bad, or below it when it is a floor.

    `colours` are legends of COLOURS that labels make; plain legends are found by themselves. `is_number`
    shows the last values instead of a graph.
    """

    title: str
    unit: str
    description: str
    queries: Sequence[Query]
    limit: float | None = None
    is_floor: bool = False
    colours: Sequence[str] = ()
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side below a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard; `name` is its file and ends its address. `source_metric` fills the variable `$source`."""

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    source_metric: str = ""


def build_rate(selector: str, by: str = "") -> str:
    """Events per second, summed."""
    return f"sum{_build_clause(by)} (rate({selector}[$__rate_interval]))"


def build_quantile(share: float, family: str, by: str = "", selector: str = "") -> str:
    """A quantile of a histogram."""
    clause = _build_clause(f"le, {by}" if by else "le")
    return f"histogram_quantile({share}, sum{clause} (rate({family}_bucket{selector}[$__rate_interval])))"


def build_quantiles(family: str, selector: str = "") -> Sequence[Query]:
    """Median, 90th and 99th percentile."""
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return [Query(build_quantile(share, family, "", selector), name) for name, share in shares.items()]


def build_statuses(family: str, selector: str = "") -> Query:
    """Requests per second by the first digit of their status."""
    rate = f"rate({family}{selector}[$__rate_interval])"
    labelled = f'label_replace({rate}, "class", "$1", "status", "(.).*")'
    return Query(f"sum by (class) ({labelled})", "{{class}}xx")


def _build_clause(by: str) -> str:
    return f" by ({by})" if by else ""
