"""Progress of a crawl as this process knows it."""

import time
from dataclasses import asdict

from bookcore.kit.progress import CrawlProgress, CrawlSummary
from scraper.frontier import Run, Standing


class Tally:
    """Where the run stands, as last heard: it may have other processes, and had some before."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._began = time.monotonic()
        self.standing = Standing(run.counts)
        self.total_books: int | None = None
        self.limited = False

    @property
    def seconds(self) -> float:
        """Since this process began the crawl, to the millisecond."""
        return round(time.monotonic() - self._began, 3)

    def listed(self, total: int | None) -> None:
        """A listing printed how many books it has; the largest listing is that of all books."""
        if total is not None:
            self.total_books = max(total, self.total_books or 0)

    def progress(self) -> CrawlProgress:
        """Now; what is under way counts as queued."""
        now = self.standing
        queued = now.queued + now.leased
        return CrawlProgress(
            pages=now.counts.pages,
            books=now.counts.books,
            queued=queued,
            failed=now.failed,
            total_books=self.total_books,
            seconds=self.seconds,
        )

    def summary(self) -> CrawlSummary:
        """At the end."""
        return CrawlSummary(
            run=self.run.name,
            **asdict(self.standing.counts),
            failed=self.standing.failed,
            seconds=self.seconds,
            resumed=self.run.resumed,
            limited=self.limited,
        )
