"""Overview: is an objective at risk, and where."""

from collections.abc import Sequence

from deploy.observability.panels import (
    PROCESSES,
    STATUSES,
    Board,
    Panel,
    Query,
    Row,
    build_quantile,
    build_quantiles,
    build_statuses,
)
from deploy.observability.slo import OBJECTIVES

_API = '{route!="own"}'


def _build_burns(window: str) -> Sequence[Query]:
    return [
        Query(
            f'slo:error_ratio:rate{window}{{objective="{objective.name}"}} / {objective.budget:g}',
            "{{objective}}",
        )
        for objective in OBJECTIVES
    ]


_OBJECTIVES = Row(
    "Objectives",
    (
        Panel(
            "Error budget burn over 1 h",
            "none",
            "How many times faster than allowed the error budget of 28 days is spent. Healthy: below 1; "
            "14.4 pages, because it spends 2 % of the budget in an hour.",
            _build_burns("1h"),
            limit=14.4,
        ),
        Panel(
            "Error budget burn over 3 d",
            "none",
            "The same over three days. Healthy: below 1; above it there is a ticket.",
            _build_burns("3d"),
            limit=1,
        ),
        Panel(
            "Firing alerts",
            "none",
            "Alerts that fire now, by severity. Healthy: none. Each has a page in docs/runbooks.",
            (
                Query(
                    'sum by (alertname, severity) (ALERTS{alertstate="firing"})', "{{severity}} {{alertname}}"
                ),
            ),
            limit=1,
            is_number=True,
        ),
    ),
)
_API_ROW = Row(
    "API",
    (
        Panel(
            "Requests by status",
            "reqps",
            "Responses of the gateway, its own pages left out. Healthy: no 5xx; 4xx are callers' mistakes.",
            (build_statuses("gateway_requests_total", _API),),
            colours=STATUSES,
        ),
        Panel(
            "Latency",
            "s",
            "From a request's head to the end of its response. Healthy: 99 % below 250 ms.",
            build_quantiles("gateway_request_seconds", '{route!~"own|/books/export"}'),
            limit=0.25,
        ),
        Panel(
            "Freshness",
            "s",
            "From the observation of a book until it is searchable. Healthy: 99 % below 60 s.",
            (Query(build_quantile(0.99, "ingestor_freshness_seconds"), "p99"),),
            limit=60,
        ),
    ),
)
_PROCESSES = Row(
    "Processes",
    (
        Panel(
            "Processes that answer",
            "none",
            "Processes whose metrics can be read. Healthy: as many as are deployed.",
            (Query("sum by (job) (up)", "{{job}}"),),
            limit=1,
            is_floor=True,
            is_number=True,
        ),
        Panel(
            "Versions",
            "none",
            "Processes by version. Healthy: one version, two during a rollout.",
            (Query("count by (process, version) (bookstream_build_info)", "{{process}} {{version}}"),),
            is_number=True,
        ),
        Panel(
            "Dependencies that answer",
            "none",
            "Stores by the process that uses them; 1 when the last check was answered. Healthy: all 1.",
            (Query("min by (job, dependency) (bookstream_dependency_up)", "{{job}} {{dependency}}"),),
            limit=1,
            is_floor=True,
            is_number=True,
        ),
        Panel(
            "Processor time",
            "percentunit",
            "Cores in use, by service. Healthy: below the number of its cores.",
            (Query("sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{job}}"),),
            colours=PROCESSES,
        ),
        Panel(
            "Resident memory",
            "bytes",
            "Of the largest process of each service. Healthy: level, below its limit.",
            (Query("max by (job) (process_resident_memory_bytes)", "{{job}}"),),
            colours=PROCESSES,
        ),
        Panel(
            "Open files of the limit",
            "percentunit",
            "Of the fullest process of each service. Healthy: below 80 %.",
            (Query("max by (job) (process_open_fds / process_max_fds)", "{{job}}"),),
            limit=0.8,
            colours=PROCESSES,
        ),
    ),
)
OVERVIEW = Board(
    "overview",
    "Bookstream: overview",
    "Whether an objective is at risk, and where to look next.",
    (_OBJECTIVES, _API_ROW, _PROCESSES),
)
