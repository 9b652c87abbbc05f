"""`python -m scraper status`: mode and progress of each source, as JSON Lines."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from scraper.fleet.control import SourceMode, SourceState, open_fleet
from scraper.settings import Settings
from scraper.sources import load_sources

_SAMPLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Status of one source. `rate`: pages a second, over one second."""

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
    """Status of every source. Raises: Unavailable."""
    with closing(open_fleet(settings.frontier_url)) as fleet:
        sources = load_sources([settings.sources_folder])
        samples, started = {source: fleet.read_source(source) for source in sources}, time.monotonic()
        if any(sample.mode is SourceMode.RUNNING for sample in samples.values()):
            time.sleep(_SAMPLE_SECONDS)
        for source, earlier in samples.items():
            state = fleet.read_source(source)
            yield _build_status(state, earlier, seconds=time.monotonic() - started)


def _build_status(state: SourceState, earlier: SourceState, *, seconds: float) -> SourceStatus:
    status = state.status
    pages = max(0, status.counts.pages - earlier.status.counts.pages)
    return SourceStatus(
        source=state.source,
        mode=state.mode,
        url=state.url,
        queued=status.queued,
        leased=status.leased,
        done=status.counts.pages,
        books=status.counts.books,
        failed=status.failed,
        stale=status.stale,
        workers=status.workers,
        rate=round(pages / seconds, 1),
    )
