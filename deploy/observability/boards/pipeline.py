"""Pipeline: from observed events to the index."""

from deploy.observability.panels import (
    Board,
    Panel,
    Query,
    Row,
    build_quantile,
    build_quantiles,
    build_rate,
)

_RECORDS = Row(
    "Records",
    (
        Panel(
            "Records by outcome",
            "ops",
            "Records that a group has handled. Healthy: no rejected ones.",
            (Query(build_rate("ingestor_records_total", "outcome"), "{{outcome}}"),),
            colours=("accepted", "rejected"),
        ),
        Panel(
            "Dead letters by reason",
            "ops",
            "Rejected records by the field at fault. Healthy: none; one field means that a site has changed.",
            (Query(build_rate("ingestor_dead_letters_total", "reason"), "{{reason}}"),),
        ),
        Panel(
            "Freshness",
            "s",
            "From the observation of a book until it is searchable. Healthy: 99 % below 60 s.",
            build_quantiles("ingestor_freshness_seconds"),
            limit=60,
        ),
    ),
)
_LAG = Row(
    "Lag",
    (
        Panel(
            "Age of what waits",
            "s",
            "Age of the oldest record that a group has not committed. Healthy: near 0; above 300 s pages.",
            (Query("max by (group) (ingestor_lag_seconds)", "{{group}}"),),
            limit=300,
        ),
        Panel(
            "Records that wait",
            "none",
            "Records that a group has not committed. Healthy: falls to 0 after each crawl.",
            (Query("sum by (group) (ingestor_lag_messages)", "{{group}}"),),
        ),
        Panel(
            "Time of a batch",
            "s",
            "90th percentile by group. Healthy: below 1 s.",
            (Query(build_quantile(0.9, "ingestor_batch_seconds", "group"), "{{group}}"),),
            limit=1,
        ),
    ),
)
_OUTBOX = Row(
    "Outbox and audit",
    (
        Panel(
            "Outbox",
            "none",
            "Changes of the catalogue that aren't in the topics yet. Healthy: falls to 0.",
            (Query("max(ingestor_outbox_messages)", "messages"),),
        ),
        Panel(
            "Oldest change of the outbox",
            "s",
            "How long the oldest one has waited. Healthy: below a second; above 300 s pages.",
            (Query("max(ingestor_outbox_oldest_seconds)", "age"),),
            limit=300,
        ),
        Panel(
            "Last audit",
            "none",
            "Acknowledged events, of them without an effect and with two. Healthy: lost and doubled are 0.",
            (Query("max by (result) (bookstream_audit_events)", "{{result}}"),),
            is_number=True,
        ),
    ),
)
PIPELINE = Board(
    "pipeline",
    "Bookstream: pipeline",
    "From observed events to catalogue and index.",
    (_RECORDS, _LAG, _OUTBOX),
)
