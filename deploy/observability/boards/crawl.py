"""Crawl: pages, retries, the frontier, complete runs; by source."""

from deploy.observability.panels import Board, Panel, Query, Row, build_rate

_SOURCE = '{source=~"$source"}'
_FAILED = '{source=~"$source",outcome="failed"}'
_PAGES = Row(
    "Pages",
    (
        Panel(
            "Pages by outcome",
            "ops",
            "Fetched pages. Healthy: hardly any failed; unmodified ones are fetched again without a change.",
            (Query(build_rate(f"scraper_pages_total{_SOURCE}", "outcome"), "{{outcome}}"),),
            colours=("book", "listing", "unmodified", "failed"),
        ),
        Panel(
            "Failed pages",
            "percentunit",
            "Share of pages that couldn't be fetched or read, over an hour. Healthy: below 1 %.",
            (
                Query(
                    f"sum by (source) (rate(scraper_pages_total{_FAILED}[1h]))"
                    f" / sum by (source) (rate(scraper_pages_total{_SOURCE}[1h]))",
                    "{{source}}",
                ),
            ),
            limit=0.01,
        ),
        Panel(
            "Retries",
            "ops",
            "Requests that were sent again. Healthy: near 0; a rise means that the site is slow or refuses.",
            (Query(build_rate(f"scraper_retries_total{_SOURCE}", "source"), "{{source}}"),),
        ),
    ),
)
_RUNS = Row(
    "Runs",
    (
        Panel(
            "Frontier",
            "none",
            "Pages that wait, are being fetched, or have failed. Healthy: queued falls to 0, few are failed.",
            (Query(f"max by (source, state) (scraper_frontier_pages{_SOURCE})", "{{source}} {{state}}"),),
        ),
        Panel(
            "Since the last complete crawl",
            "s",
            "Healthy: below two days, if the source is crawled daily.",
            (
                Query(
                    f"time() - max by (source) (scraper_last_complete_timestamp_seconds{_SOURCE})",
                    "{{source}}",
                ),
            ),
            limit=2 * 86_400,
            is_number=True,
        ),
    ),
)
CRAWL = Board(
    "crawl",
    "Bookstream: crawl",
    "Pages, retries and runs by source.",
    (_PAGES, _RUNS),
    source_metric="scraper_pages_total",
)
