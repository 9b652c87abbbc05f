"""Health and metrics of a scraper."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from bookcore.kit.admin.health import Check, DependencyMonitor, ProcessHealth
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.admin.server import AdminPages
from bookcore.kit.tracing.tracer import open_tracer
from scraper.frontier import RunStatus
from scraper.session.counts import PAGES, RETRIES, CrawlCollector, CrawlCounts
from scraper.settings import Settings


class ScraperAdmin:
    """Of one process. `checks` ask a store each; `read_counts` returns counts by source."""

    def __init__(
        self,
        settings: Settings,
        checks: Mapping[str, Check],
        read_counts: Callable[[], Mapping[str, CrawlCounts]],
    ) -> None:
        self.health = ProcessHealth(stuck_seconds=settings.admin_stuck_seconds)
        self.metrics = ProcessMetrics("scraper", elsewhere=(PAGES, RETRIES))
        self.metrics.registry.register(CrawlCollector(read_counts))
        self.tracer = open_tracer(settings.traces, self.metrics)
        self._dependencies = DependencyMonitor(checks)
        self.metrics.watch_dependencies(self._dependencies.read_states)

    def show_status(self, source: str, status: RunStatus) -> None:
        """Sets the gauges of the frontier."""
        for state in ("queued", "leased", "failed"):
            self.metrics.set("scraper_frontier_pages", source, state, value=getattr(status, state))

    def record_complete(self, source: str) -> None:
        """A crawl of the source has ended complete."""
        self.metrics.set("scraper_last_complete_timestamp_seconds", source, value=time.time())

    def show_due(self, source: str, due: datetime) -> None:
        """When the next scheduled run of the source is due."""
        self.metrics.set("scraper_schedule_due_timestamp_seconds", source, value=due.timestamp())

    def build_pages(self) -> AdminPages:
        """What the admin port serves."""
        return AdminPages(
            health=self.health, dependencies=self._dependencies, render_metrics=self.metrics.render
        )
