"""`python -m scraper status`: what each source's fleet is to do and how far it is, as JSON Lines."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from scraper.fleet.control import SourceMode, SourceState, open_fleet
from scraper.settings import Settings
from scraper.sources import SOURCES

_SAMPLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Of one source; `rate`: pages a second, between two looks a second apart."""

    source: str
    mode: SourceMode
    url: str | None
    queued: int
    leased: int
    done: int
    books: int
    failed: int
    stale: int
    workers: int
    rate: float


def read_statuses(settings: Settings) -> Iterator[SourceStatus]:
    """Of every source. Raises: Unavailable."""
    with closing(open_fleet(settings.frontier_url)) as fleet:
        before, began = {source: fleet.read_source(source) for source in SOURCES}, time.monotonic()
        if any(told.mode is SourceMode.RUNNING for told in before.values()):
            time.sleep(_SAMPLE_SECONDS)
        for source, earlier in before.items():
            now = fleet.read_source(source)
            yield _build_status(now, earlier, seconds=time.monotonic() - began)


def _build_status(told: SourceState, earlier: SourceState, *, seconds: float) -> SourceStatus:
    now = told.status
    pages = max(0, now.counts.pages - earlier.status.counts.pages)
    return SourceStatus(
        source=told.source,
        mode=told.mode,
        url=told.url,
        queued=now.queued,
        leased=now.leased,
        done=now.counts.pages,
        books=now.counts.books,
        failed=now.failed,
        stale=now.stale,
        workers=now.workers,
        rate=round(pages / seconds, 1),
    )
