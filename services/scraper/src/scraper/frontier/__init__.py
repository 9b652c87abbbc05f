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


class Kind(IntEnum):
    """Which page object reads the page."""

    LISTING = 0
    BOOK = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What the last good answer left behind; `body` is the lake key of the page, `content_hash` that of the
    last acknowledged observation."""

    etag: str | None = None
    last_modified: str | None = None
    body: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page to fetch, leased; of two of a kind, the smaller `id` was discovered earlier.

    `depth` counts links from the start. `token` fences: only the newest lease of a page can finish it. `due`:
    seconds from the lease until the host may be asked for it, None for a host without a pace.
    """

    id: int
    url: str
    kind: Kind
    depth: int
    known: Known
    token: int = 0
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A page whose events are acknowledged. `known` None leaves what is known as it was (304)."""

    page: Page
    known: Known | None
    published: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one run, over all its resumptions and processes."""

    pages: int = 0
    books: int = 0
    published: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the source; `sequence` is the next free number of a segment of `ledger`, which no other
    process writes to."""

    number: int
    name: str
    resumed: bool
    sequence: int
    counts: Counts
    ledger: str


class State(StrEnum):
    """Of a run, as who asks for pages is told. `DRAINED`: nothing waits and nothing is leased, so it can be
    ended; `OVER`: somebody ended it; `LOST`: the store was emptied, begin anew."""

    GOING = "going"
    PAUSED = "paused"
    DRAINED = "drained"
    OVER = "over"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Leased:
    """Pages of one process until their lease runs out, and what else is to be known.

    `wait`: seconds after which it is worth asking again. `hold`: seconds that the host is to be left alone.
    `limited`: pages are left out because the run may have no more.
    """

    state: State
    pages: Sequence[Page] = ()
    wait: float = 1.0
    hold: float = 0.0
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Renewed:
    """`lost`: pages that others have now. `hold` as in Leased."""

    lost: Collection[Page] = ()
    hold: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is, in pages; `workers` are processes that were heard of within a lease."""

    counts: Counts = Counts()
    known: int = 0
    leased: int = 0
    failed: int = 0
    stale: int = 0
    workers: int = 0

    @property
    def queued(self) -> int:
        """Known, neither done nor failed nor under way."""
        return max(0, self.known - self.counts.pages - self.failed - self.leased)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the whole fleet keeps to. `rate`: requests a second to the host, 0 = any; `at_a_time`: pages of
    the host leased at once, 0 = any; `lease`: seconds that a page stays with a process that was not heard of
    again; `most`: pages in one run."""

    host: str = ""
    rate: float = 0.0
    at_a_time: int = 0
    lease: float = 30.0
    most: int = 1_000_000

    @property
    def interval(self) -> float:
        """Seconds between two requests."""
        return 1 / self.rate if self.rate else 0.0


class Frontier(Protocol):
    """Of one source. A page waits in a run until it is done or failed in that run."""

    def begin(self, *, site: str, extractor: str, now: datetime, only_told: bool = False) -> Run:
        """Join the unfinished run, else begin a new one; `only_told`: if the fleet is to crawl the source.

        Another copy of the site (`site`: where it begins) begins with nothing known. Another extractor
        begins anew and forgets what the pages said, so that all of them are read again.
        Raises: Conflict while the source is paused or not to be crawled, or others crawl another copy of it.
        """

    def add(self, kind: Kind, urls: Sequence[str], *, depth: int) -> int:
        """Make pages known that weren't; their number."""

    def lease(self, limit: int) -> Leased:
        """Up to `limit` pages of this run, each to one process at a time; three listings for each book."""

    def renew(self, pages: Collection[Page]) -> Renewed:
        """Keep leases from running out."""

    def finish_pages(self, finished: Sequence[Finished], *, sequence: int) -> int:
        """Mark pages done and count them, at once; `sequence` is the next free one. How many were ignored
        because others have them now."""

    def fail(self, page: Page, reason: str) -> None:
        """Record why a page couldn't be had, unless others have it now; the next run tries it again."""

    def give_back(self, pages: Collection[Page]) -> None:
        """This process goes: others may have these at once."""

    def ask_host(self, *, hold: float = 0.0, delay: float | None = None, slot: bool = False) -> float:
        """Tell the fleet to leave the host alone for `hold` seconds, or of its Crawl-delay; reserve a slot
        for a request that no lease brought. Seconds until that slot."""

    def standing(self) -> Standing:
        """How far the run is."""

    def failures(self) -> Sequence[tuple[str, str]]:
        """URL and reason of every page that is failed now."""

    def end(self, *, now: datetime) -> bool:
        """The run is complete, if it is: the next one begins anew. True for the one process that ended it."""

    def close(self) -> None:
        """Free files and connections."""


REFUSALS = {
    "paused": "{source} is paused; `bookstream fleet resume {source}` lets it go on",
    "untold": "{source} is not to be crawled now; `bookstream fleet start {source}` begins",
}
"""Why a run isn't begun."""


class _Adapter(Protocol):
    def open_frontier(self, url: str, source: str, bounds: Bounds) -> Frontier: ...


_SCHEMES = ("sqlite", "redis")


def open_frontier(url: str, source: str, bounds: Bounds) -> Frontier:
    """Raises: Invalid when no adapter speaks the URL's scheme, Conflict when only one process can have it."""
    module = import_module(f"scraper.frontier.{scheme_of(url)}.frontier")
    return cast(_Adapter, module).open_frontier(url, source, bounds)


def scheme_of(url: str) -> str:
    """The URL's scheme. Raises: Invalid when no adapter speaks it."""
    scheme = url.partition(":")[0]
    if scheme not in _SCHEMES:
        raise Invalid(f"no frontier for {scheme}://; use one of {', '.join(_SCHEMES)}", field="frontier_url")
    return scheme
