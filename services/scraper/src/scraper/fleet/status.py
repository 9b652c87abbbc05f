"""`python -m scraper status`: what each source's fleet is to do and how far it is, as JSON Lines."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from scraper.fleet.control import Mode, Told, open_fleet
from scraper.settings import Settings
from scraper.sources import SOURCES

_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True, slots=True)
class Status:
    """Of one source; `rate`: pages a second, between two looks a second apart."""

    source: str
    mode: Mode
    url: str | None
    queued: int
    leased: int
    done: int
    books: int
    failed: int
    stale: int
    workers: int
    rate: float


def statuses(settings: Settings) -> Iterator[Status]:
    """Of every source. Raises: Unavailable."""
    with closing(open_fleet(settings.frontier_url)) as fleet:
        before, began = {source: fleet.told(source) for source in SOURCES}, time.monotonic()
        if any(told.mode is Mode.RUNNING for told in before.values()):
            time.sleep(_BETWEEN_LOOKS)
        for source, earlier in before.items():
            now = fleet.told(source)
            yield _status(now, earlier, seconds=time.monotonic() - began)


def _status(told: Told, earlier: Told, *, seconds: float) -> Status:
    now = told.standing
    pages = max(0, now.counts.pages - earlier.standing.counts.pages)
    return Status(
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
