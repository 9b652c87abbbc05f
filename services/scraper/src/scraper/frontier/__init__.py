"""The frontier port: what is known of a source's pages, and who fetches which of them now.

A SQLite file for one process on a laptop, a Valkey for a fleet; `open_frontier(url, source, bounds)` picks by
the URL's scheme. All methods block and are safe to call from several threads; async callers use a thread.
Every method raises Unavailable when the store can't be read or written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from importlib import import_module
from typing import Protocol, cast

from bookcore.domain.errors import Invalid


class PageKind(IntEnum):
    """Which page object reads the page."""

    LISTING = 0
    BOOK = 1


@dataclass(frozen=True, slots=True)
class PageSnapshot:
    """What the last good answer left behind; `body` is the lake key of the page, `content_hash` that of the
    last acknowledged observation."""

    etag: str | None = None
    last_modified: str | None = None
    body_key: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page to fetch, leased; of two of a kind, the smaller `id` was discovered earlier.

    `depth` counts links from the start. `token` fences: only the newest lease of a page can finish it. `due`:
    seconds from the lease until the host may be asked for it, None for a host without a pace.
    """

    id: int
    url: str
    kind: PageKind
    depth: int
    snapshot: PageSnapshot
    token: int = 0
    slot_delay: float | None = None


@dataclass(frozen=True, slots=True)
class FinishedPage:
    """A page whose events are acknowledged. `known` None leaves what is known as it was (304)."""

    page: Page
    snapshot: PageSnapshot | None
    is_published: bool


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Of one run, over all its resumptions and processes."""

    pages: int = 0
    books: int = 0
    published: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class CrawlRun:
    """One pass over the source; `sequence` is the next free number of a segment of `ledger`, which no other
    process writes to."""

    number: int
    name: str
    is_resumed: bool
    next_segment: int
    counts: RunCounts
    ledger_name: str


class RunState(StrEnum):
    """Of a run, as who asks for pages is told. `DRAINED`: nothing waits and nothing is leased, so it can be
    ended; `OVER`: somebody ended it; `LOST`: the store was emptied, begin anew."""

    ACTIVE = "going"
    PAUSED = "paused"
    DRAINED = "drained"
    FINISHED = "over"
    RESET = "lost"


@dataclass(frozen=True, slots=True)
class LeaseBatch:
    """Pages of one process until their lease runs out, and what else is to be known.

    `wait`: seconds after which it is worth asking again. `hold`: seconds that the host is to be left alone.
    `limited`: pages are left out because the run may have no more.
    """

    state: RunState
    pages: Sequence[Page] = ()
    retry_after: float = 1.0
    host_hold: float = 0.0
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class LeaseRenewal:
    """`lost`: pages that others have now. `hold` as in Leased."""

    lost: Collection[Page] = ()
    host_hold: float = 0.0


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is, in pages; `workers` are processes that were heard of within a lease."""

    counts: RunCounts = RunCounts()
    discovered: int = 0
    leased: int = 0
    failed: int = 0
    stale: int = 0
    workers: int = 0

    @property
    def queued(self) -> int:
        """Known, neither done nor failed nor under way."""
        return max(0, self.discovered - self.counts.pages - self.failed - self.leased)


@dataclass(frozen=True, slots=True)
class CrawlLimits:
    """What the whole fleet keeps to. `rate`: requests a second to the host, 0 = any; `at_a_time`: pages of
    the host leased at once, 0 = any; `lease`: seconds that a page stays with a process that was not heard of
    again; `most`: pages in one run."""

    host: str = ""
    host_rate: float = 0.0
    host_concurrency: int = 0
    lease_seconds: float = 30.0
    max_pages: int = 1_000_000

    @property
    def request_interval(self) -> float:
        """Seconds between two requests."""
        return 1 / self.host_rate if self.host_rate else 0.0


class Frontier(Protocol):
    """Of one source. A page waits in a run until it is done or failed in that run."""

    def begin_run(
        self, *, site: str, extractor: str, now: datetime, only_if_running: bool = False
    ) -> CrawlRun:
        """Join the unfinished run, else begin a new one; `only_told`: if the fleet is to crawl the source.

        Another copy of the site (`site`: where it begins) begins with nothing known. Another extractor
        begins anew and forgets what the pages said, so that all of them are read again.
        Raises: Conflict while the source is paused or not to be crawled, or others crawl another copy of it.
        """

    def add_pages(self, kind: PageKind, urls: Sequence[str], *, depth: int) -> int:
        """Make pages known that weren't; their number."""

    def lease_pages(self, limit: int) -> LeaseBatch:
        """Up to `limit` pages of this run, each to one process at a time; three listings for each book."""

    def renew_leases(self, pages: Collection[Page]) -> LeaseRenewal:
        """Keep leases from running out."""

    def finish_pages(self, finished: Sequence[FinishedPage], *, next_segment: int) -> int:
        """Mark pages done and count them, at once; `sequence` is the next free one. How many were ignored
        because others have them now."""

    def fail_page(self, page: Page, reason: str) -> None:
        """Record why a page couldn't be had, unless others have it now; the next run tries it again."""

    def release_pages(self, pages: Collection[Page]) -> None:
        """This process goes: others may have these at once."""

    def ask_host(self, *, hold: float = 0.0, delay: float | None = None, slot: bool = False) -> float:
        """Tell the fleet to leave the host alone for `hold` seconds, or of its Crawl-delay; reserve a slot
        for a request that no lease brought. Seconds until that slot."""

    def read_status(self) -> RunStatus:
        """How far the run is."""

    def list_failures(self) -> Sequence[tuple[str, str]]:
        """URL and reason of every page that is failed now."""

    def finish_run(self, *, now: datetime) -> bool:
        """The run is complete, if it is: the next one begins anew. True for the one process that ended it."""

    def close(self) -> None:
        """Free files and connections."""


BEGIN_CONFLICTS = {
    "paused": "{source} is paused; `bookstream fleet resume {source}` lets it go on",
    "untold": "{source} is not to be crawled now; `bookstream fleet start {source}` begins",
}
"""Why a run isn't begun."""


class _Adapter(Protocol):
    def open_frontier(self, url: str, source: str, bounds: CrawlLimits) -> Frontier: ...


_SCHEMES = ("sqlite", "redis")


def open_frontier(url: str, source: str, bounds: CrawlLimits) -> Frontier:
    """Raises: Invalid when no adapter speaks the URL's scheme, Conflict when only one process can have it."""
    module = import_module(f"scraper.frontier.{parse_scheme(url)}.frontier")
    return cast(_Adapter, module).open_frontier(url, source, bounds)


def parse_scheme(url: str) -> str:
    """The URL's scheme. Raises: Invalid when no adapter speaks it."""
    scheme = url.partition(":")[0]
    if scheme not in _SCHEMES:
        raise Invalid(f"no frontier for {scheme}://; use one of {', '.join(_SCHEMES)}", field="frontier_url")
    return scheme
