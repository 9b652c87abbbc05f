"""Progress of the run as this process knows it."""

import time
from dataclasses import asdict

from bookcore.kit.progress import CrawlProgress, CrawlSummary
from scraper.frontier import CrawlRun, RunStatus


class ProgressTracker:
    """Last known status of the run, which other processes may share."""

    def __init__(self, run: CrawlRun) -> None:
        self.run = run
        self.status = RunStatus(run.counts)
        self.total_books: int | None = None
        self.is_limited = False
        self.gone = self.withheld = 0
        self.fault: str | None = None
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Age of this process's crawl, to the millisecond."""
        return round(time.monotonic() - self._started, 3)

    def record_total(self, total: int | None) -> None:
        """Number of books that a listing prints; the largest one is that of the whole site."""
        if total is not None:
            self.total_books = max(total, self.total_books or 0)

    def record_end(self, *, gone: int, withheld: int, fault: str | None) -> None:
        """Books withdrawn at the end of the run, or not, because the run saw too little; `fault`: why the run
        isn't complete."""
        self.gone, self.withheld, self.fault = gone, withheld, fault

    def build_progress(self) -> CrawlProgress:
        """Leased pages count as queued."""
        status = self.status
        return CrawlProgress(
            pages=status.counts.pages,
            books=status.counts.books,
            queued=status.queued + status.leased,
            failed=status.failed,
            total_books=self.total_books,
            seconds=self.seconds,
        )

    def build_summary(self) -> CrawlSummary:
        """Totals of the run."""
        return CrawlSummary(
            run=self.run.name,
            **asdict(self.status.counts),
            failed=self.status.failed,
            seconds=self.seconds,
            resumed=self.run.is_resumed,
            limited=self.is_limited,
            gone=self.gone,
            withheld=self.withheld,
            fault=self.fault,
        )
