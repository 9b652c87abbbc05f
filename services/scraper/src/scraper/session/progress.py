"""Progress of a crawl as this process knows it."""

import time
from dataclasses import asdict

from bookcore.kit.progress import CrawlProgress, CrawlSummary
from scraper.frontier import CrawlRun, RunStatus


class ProgressTracker:
    """Where the run stands, as last heard: it may have other processes, and had some before."""

    def __init__(self, run: CrawlRun) -> None:
        self.run = run
        self._started = time.monotonic()
        self.status = RunStatus(run.counts)
        self.total_books: int | None = None
        self.is_limited = False

    @property
    def seconds(self) -> float:
        """Since this process began the crawl, to the millisecond."""
        return round(time.monotonic() - self._started, 3)

    def record_total(self, total: int | None) -> None:
        """A listing printed how many books it has; the largest listing is that of all books."""
        if total is not None:
            self.total_books = max(total, self.total_books or 0)

    def build_progress(self) -> CrawlProgress:
        """Now; what is under way counts as queued."""
        now = self.status
        queued = now.queued + now.leased
        return CrawlProgress(
            pages=now.counts.pages,
            books=now.counts.books,
            queued=queued,
            failed=now.failed,
            total_books=self.total_books,
            seconds=self.seconds,
        )

    def build_summary(self) -> CrawlSummary:
        """At the end."""
        return CrawlSummary(
            run=self.run.name,
            **asdict(self.status.counts),
            failed=self.status.failed,
            seconds=self.seconds,
            resumed=self.run.is_resumed,
            limited=self.is_limited,
        )
