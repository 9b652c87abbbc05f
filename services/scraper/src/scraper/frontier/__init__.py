"""Frontier port: the pages of a source, the run they belong to and the pace of their host.

A SQLite file for one process, a Valkey for a fleet; `open_frontier(url, source, limits)` picks the adapter by
the URL's scheme. All methods block and are thread-safe; async callers use a thread. Every method raises
Unavailable when the store can't be read or written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Protocol, cast

from bookcore.kit.adapters import load_adapter
from scraper.frontier.closing import RunClosing

_RUN_START = "%Y%m%dT%H%M%SZ"


class PageKind(IntEnum):
    """Selects the page object that parses the page."""

    LISTING = 0
    BOOK = 1


@dataclass(frozen=True, slots=True)
class PageSnapshot:
    """Result of the last good fetch: HTTP validators, the lake key of the stored body, and the hash of the
    last acknowledged observation."""

    etag: str | None = None
    last_modified: str | None = None
    body_key: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A leased page. Within a kind, ids grow in the order of discovery.

    `depth`: links from the start page. `token`: fencing token; only the newest lease of a page can finish it.
    `slot_delay`: seconds from the lease until its request may be sent, None for a host without a pace.
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
    """A page whose events are acknowledged. `snapshot` None keeps the stored one (304). `shown`: number of
    books that the page shows, None where a book's page shows one and a listing none. `remarks`: values that
    could not be read; `refused`: records that became dead letters.
    """

    page: Page
    snapshot: PageSnapshot | None
    is_published: bool
    shown: int | None = None
    remarks: int = 0
    refused: int = 0

    @property
    def books(self) -> int:
        """Number of books that the page shows; any page of a sitemap may turn out to show none."""
        if self.shown is not None:
            return self.shown
        snapshot = self.snapshot or self.page.snapshot
        has_book = self.is_published or snapshot.content_hash is not None
        return int(self.page.kind is PageKind.BOOK and has_book)


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Totals of one run over all its processes and resumptions; of its pages that are done."""

    pages: int = 0
    books: int = 0
    published: int = 0
    unchanged: int = 0
    remarks: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class CrawlRun:
    """One pass over the source. `name` begins with the moment of its begin. `next_segment`: the next free
    number in the ledger `ledger_name`, which only this process writes."""

    number: int
    name: str
    is_resumed: bool
    next_segment: int
    counts: RunCounts
    ledger_name: str

    @property
    def started_at(self) -> datetime:
        """To the second."""
        return parse_run_start(self.name)


def format_run_start(moment: datetime) -> str:
    """The begin of a run's name."""
    return moment.astimezone(UTC).strftime(_RUN_START)


def parse_run_start(name: str) -> datetime:
    """When the run of this name began."""
    return datetime.strptime(name.partition("-")[0], _RUN_START).replace(tzinfo=UTC)


class RunState(StrEnum):
    """State of a run. DRAINED: nothing is queued or leased, so the run can be finished. FINISHED: some
    process finished it. RESET: the store was emptied; begin the run again."""

    ACTIVE = "active"
    PAUSED = "paused"
    DRAINED = "drained"
    FINISHED = "finished"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class LeaseBatch:
    """Pages leased to one process, with the state of the run.

    `retry_after`: seconds until the next lease request can succeed. `host_hold`: seconds during which no
    request may be sent to the host. `is_limited`: pages are left out because the run has reached `max_pages`.
    """

    state: RunState
    pages: Sequence[Page] = ()
    retry_after: float = 1.0
    host_hold: float = 0.0
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class LeaseRenewal:
    """`lost`: pages that are leased to other processes by now. `host_hold` as in LeaseBatch."""

    lost: Collection[Page] = ()
    host_hold: float = 0.0


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Progress of a run, in pages. `stale`: results refused because the lease was lost. `workers`: processes
    heard of within one lease."""

    counts: RunCounts = RunCounts()
    discovered: int = 0
    leased: int = 0
    failed: int = 0
    stale: int = 0
    workers: int = 0

    @property
    def queued(self) -> int:
        """Discovered pages that are neither leased, done nor failed."""
        return max(0, self.discovered - self.counts.pages - self.failed - self.leased)


@dataclass(frozen=True, slots=True)
class CrawlLimits:
    """Limits of the whole fleet. `host_rate`: requests a second, 0 = unlimited; `host_concurrency`: pages
    of the host leased at once, 0 = unlimited; `lease_seconds`: lifetime of a lease that is not renewed;
    `max_pages`: pages in one run."""

    host: str = ""
    host_rate: float = 0.0
    host_concurrency: int = 0
    lease_seconds: float = 30.0
    max_pages: int = 1_000_000

    @property
    def request_interval(self) -> float:
        """Seconds between two requests to the host."""
        return 1 / self.host_rate if self.host_rate else 0.0


class FrontierRun(Protocol):
    """Begins, watches and finishes runs of one source."""

    def begin_run(
        self, *, site: str, extractor: str, now: datetime, only_if_running: bool = False
    ) -> CrawlRun:
        """Join the unfinished run, else begin a new one. `only_if_running`: refuse a source that the fleet
        was not commanded to crawl.

        A different `site` (start URL) discards all pages. A different `extractor` keeps the pages and
        discards their validators and hashes, so that all of them are read again.
        Raises: Conflict for a paused or (see above) uncommanded source, and while others crawl another site.
        """

    def read_site(self) -> str | None:
        """The start URL of the last run; None before the first one."""

    def close_run(self, *, now: datetime, is_limited: bool) -> RunClosing | None:
        """Find the books that are gone; None unless the run is drained and unfinished.

        `is_limited`: links were left out. A page counts as gone when two crawls did not find it, or when two
        complete ones did not list it. `now` is the moment of the closing unless an earlier try was killed.
        """

    def finish_run(self, *, now: datetime, closing: RunClosing | None = None) -> bool:
        """Finish a drained run and forget the pages of its gone books: listed again, they are new. True for
        exactly one of the processes that call it."""

    def read_status(self) -> RunStatus:
        """Progress of the run."""

    def list_failures(self) -> Sequence[tuple[str, str]]:
        """URL and reason of every failed page."""


class PageQueue(Protocol):
    """Leases the pages of the run. A page is queued until it is finished or failed in that run."""

    def add_pages(self, kind: PageKind, urls: Sequence[str], *, depth: int) -> int:
        """Add the pages that aren't known yet; their number."""

    def lease_pages(self, limit: int) -> LeaseBatch:
        """Lease up to `limit` pages, each to one process at a time; three listings for each book."""

    def renew_leases(self, pages: Collection[Page]) -> LeaseRenewal:
        """Extend leases by their full lifetime."""

    def finish_pages(self, finished: Sequence[FinishedPage], *, next_segment: int) -> int:
        """Mark pages as done and count them, in one transaction. Returns how many were ignored as stale."""

    def fail_page(self, page: Page, reason: str, *, is_missing: bool = False) -> None:
        """Record the failure of a page unless its lease was lost; the next run tries it again. `is_missing`:
        the site says that there is no such page."""

    def release_pages(self, pages: Collection[Page]) -> None:
        """Return pages to the queue at once and sign this process off."""


class HostPacing(Protocol):
    """Pace of the host, shared by the fleet."""

    def hold_host(self, seconds: float) -> None:
        """Send nothing to the host for at least so long."""

    def set_crawl_delay(self, seconds: float) -> None:
        """Store the Crawl-delay of robots.txt; 0 removes it."""

    def reserve_slot(self) -> float:
        """Reserve the next request slot, for a request that has none from a lease. Seconds until the slot."""


class Frontier(FrontierRun, PageQueue, HostPacing, Protocol):
    """Frontier of one source."""

    def close(self) -> None:
        """Free files and connections."""


BEGIN_CONFLICTS = {
    "paused": "{source} is paused; `bookstream fleet resume {source}` lets it go on",
    "uncommanded": "{source} is not to be crawled now; `bookstream fleet start {source}` begins",
}
"""Why begin_run refuses."""

_ADAPTERS = {
    "sqlite": "scraper.frontier.sqlite.frontier",
    "redis": "scraper.frontier.redis.frontier",
    "rediss": "scraper.frontier.redis.frontier",
}


class _Adapter(Protocol):
    def open_frontier(self, url: str, source: str, limits: CrawlLimits) -> Frontier: ...


def open_frontier(url: str, source: str, limits: CrawlLimits) -> Frontier:
    """Raises: Invalid when no adapter speaks the URL's scheme, Conflict when only one process can have it."""
    adapter = cast(_Adapter, load_adapter(url, _ADAPTERS, port="frontier", field="frontier_url"))
    return adapter.open_frontier(url, source, limits)
