"""Pages and retries that a crawl process counts, and their metrics."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Self

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bookcore.kit.admin.families import METRICS

PAGES, RETRIES = "scraper_pages_total", "scraper_retries_total"


class PageOutcome(StrEnum):
    """What became of a fetched page."""

    BOOK = "book"
    LISTING = "listing"
    UNMODIFIED = "unmodified"
    FAILED = "failed"


class CrawlCounts:
    """Counts of one source; they only grow. A fleet's worker reads those of its crawls from files."""

    def __init__(self, pages: Mapping[str, int] | None = None, retries: int = 0) -> None:
        self.pages = Counter(pages or {})
        self.retries = retries

    def record_page(self, outcome: PageOutcome) -> None:
        self.pages[outcome.value] += 1

    def record_retry(self) -> None:
        self.retries += 1

    def add(self, other: Self) -> None:
        """Adds the counts of another process."""
        self.pages.update(other.pages)
        self.retries += other.retries

    def save(self, path: Path) -> None:
        """Replaces the file. Raises: OSError."""
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"pages": self.pages, "retries": self.retries}))
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote; nothing without a file."""
        with suppress(OSError, ValueError):
            return cls(**json.loads(path.read_text()))
        return cls()


class CrawlCollector(Collector):
    """Exports the counts by source."""

    def __init__(self, read_counts: Callable[[], Mapping[str, CrawlCounts]]) -> None:
        self._read_counts = read_counts

    def collect(self) -> Iterable[Metric]:
        counts = self._read_counts()
        yield from _build_families(counts)


def _build_families(counts: Mapping[str, CrawlCounts]) -> Iterator[Metric]:
    pages, retries = (
        CounterMetricFamily(name, METRICS[name].meaning, labels=METRICS[name].labels)
        for name in (PAGES, RETRIES)
    )
    for source, counted in counts.items():
        for outcome in PageOutcome:
            pages.add_metric([source, outcome.value], counted.pages[outcome.value])
        retries.add_metric([source], counted.retries)
    yield from (pages, retries)
