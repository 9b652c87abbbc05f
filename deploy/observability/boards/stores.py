"""Stores: as the processes see them; their own exporters aren't part of Bookstream."""

from deploy.observability.panels import PROCESSES, Board, Panel, Query, Row, build_quantile, build_rate

_WRITERS = '{group="ingestor.catalogue"}'
_STATE = Row(
    "Available",
    (
        Panel(
            "Stores that answer",
            "none",
            "1 when the last check of every process was answered. Healthy: all 1.",
            (Query("min by (dependency) (bookstream_dependency_up)", "{{dependency}}"),),
            limit=1,
            is_floor=True,
            is_number=True,
        ),
        Panel(
            "Answered checks over a day",
            "percentunit",
            "Share of checks that a store has answered. Healthy: 100 %.",
            (Query("avg by (dependency) (avg_over_time(bookstream_dependency_up[1d]))", "{{dependency}}"),),
            limit=0.999,
            is_floor=True,
        ),
        Panel(
            "Who can't reach one",
            "none",
            "Unanswered stores by process. Healthy: 0; one process alone means the network between.",
            (
                Query(
                    "count by (job) (bookstream_dependency_up) - sum by (job) (bookstream_dependency_up)",
                    "{{job}}",
                ),
            ),
            limit=1,
            colours=PROCESSES,
        ),
    ),
)
_USE = Row(
    "Slow or full",
    (
        Panel(
            "Catalogue: time of a batch",
            "s",
            "One transaction of the ingestor, 90th percentile. Healthy: below 1 s.",
            (Query(build_quantile(0.9, "ingestor_batch_seconds", "", _WRITERS), "p90"),),
            limit=1,
        ),
        Panel(
            "Event log: changes that wait",
            "none",
            "Messages of the outbox and predictions that aren't in the event log. Healthy: falls to 0.",
            (
                Query("max(ingestor_outbox_messages)", "outbox"),
                Query("sum(ml_predictions_waiting)", "predictions"),
            ),
        ),
        Panel(
            "Cache: requests counted without it",
            "reqps",
            "Rate limits that each gateway counts for itself. Healthy: 0; above it the cache server is away.",
            (Query(build_rate("gateway_requests_counted_locally_total"), "requests"),),
        ),
    ),
)
STORES = Board(
    "stores",
    "Bookstream: stores",
    "Event log, lake, catalogue, search index, cache and registry, as the processes see them.",
    (_STATE, _USE),
)
