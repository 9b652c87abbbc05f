"""Counts of the crawls of a fleet's worker: each child writes a file, the worker adds them up."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from scraper.session.counts import CrawlCounts

VARIABLE = "BOOKSTREAM_CRAWL_COUNTS"
"""Environment variable by which a child knows its file."""


def get_counts_path() -> Path | None:
    """The file of this child; None for a crawl that no worker started."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path else None


class CrawlCountsFolder:
    """Counts by source: those of crawls that ended, and of the one that runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._ended: dict[str, CrawlCounts] = defaultdict(CrawlCounts)

    def get_path(self, source: str) -> Path:
        """The file of the running crawl of a source."""
        return self._folder / f"{source}.json"

    def fold(self, source: str) -> None:
        """The running crawl has ended."""
        with self._lock:
            self._ended[source].add(CrawlCounts.load(self.get_path(source)))
            self.get_path(source).unlink(missing_ok=True)

    def read_total(self) -> Mapping[str, CrawlCounts]:
        """Counts that only grow, by source."""
        with self._lock:
            sources = {*self._ended, *(path.stem for path in self._folder.glob("*.json"))}
            totals = {source: CrawlCounts() for source in sorted(sources)}
            for source, total in totals.items():
                total.add(self._ended[source])
                total.add(CrawlCounts.load(self.get_path(source)))
        return totals
