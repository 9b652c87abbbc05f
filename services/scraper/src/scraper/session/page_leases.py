"""What this process has to fetch: leased a little ahead, renewed while under way, given back at the end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Self, TypeVar

from bookcore.domain.errors import BookstreamError
from scraper.frontier import CrawlLimits, Frontier, LeaseBatch, Page, PageKind, RunState
from scraper.session.retry import retry_while_unavailable

_BATCH = 64
_LOW = 24
_SHORTEST_WAIT = 0.02
_LONGEST_WAIT = 0.25
"""Seconds until others' discoveries, holds and commands are heard of."""

_RENEWALS_PER_LEASE = 3

T = TypeVar("T")


class Leases:
    """For one event loop; `stopping` is set when the crawl is to end in order.

    `rejoin` begins anew when the store was emptied; both it and the frontier block.
    """

    def __init__(
        self, frontier: Frontier, rejoin: Callable[[], None], *, bounds: CrawlLimits, patience: float
    ) -> None:
        self.limited = False
        self.stopping = asyncio.Event()
        self.host_until = 0.0
        self._frontier = frontier
        self._rejoin = rejoin
        self._renew_every = bounds.lease_seconds / _RENEWALS_PER_LEASE
        self._patience = patience
        self._ready: deque[Page] = deque()
        self._mine: dict[tuple[PageKind, int], Page] = {}
        self._slots: dict[tuple[PageKind, int], float] = {}
        self._is_over = self._is_dry = False
        self._is_starved = True
        self.is_paced = bounds.host_rate > 0
        self._telling: asyncio.Future[None] | None = None
        self._wanted = asyncio.Event()
        self._came = asyncio.Event()

    def __deepcopy__(self, _: object) -> Self:
        """Scrapy copies its settings, and all that is in them; of this there is one."""
        return self

    async def keep(self) -> None:
        """Lease and renew until the run is over.

        Raises: Unavailable when the frontier is away for longer than patience lasts.
        """
        renew_at = time.monotonic() + self._renew_every
        while not self._is_over:
            wait = _LONGEST_WAIT
            if len(self._ready) < _LOW:
                wait = await self._lease()
            if time.monotonic() >= renew_at:
                renew_at = time.monotonic() + self._renew_every
                await self._renew()
            if not self._is_over:
                await self._until_wanted(wait)

    def stop(self) -> None:
        """Lease nothing more."""
        self._is_over = True
        self._wanted.set()
        self._came.set()

    async def first_of_more(self) -> Page | None:
        """A page, once there are some again after `next` gave None; None when the run is over."""
        while not self._is_over:
            if self._is_starved and self._ready:
                self._is_starved = False
                return self.next()
            self._came.clear()
            await self._came.wait()
        return None

    def next(self) -> Page | None:
        """A page that is there already; None when there is none now."""
        self._is_starved = not self._ready
        page = self._ready.popleft() if self._ready else None
        if len(self._ready) < _LOW and not self._is_dry:
            self._wanted.set()
        return page

    def has_ready(self) -> bool:
        """Whether `next` would give a page."""
        return bool(self._ready)

    def slot(self, page: Page) -> float | None:
        """When (time.monotonic) the host may be asked for it; None without a pace. Once for each lease."""
        return self._slots.pop((page.kind, page.id), None)

    def settle(self, page: Page) -> None:
        """Done or failed, or somebody else's now."""
        place = (page.kind, page.id)
        if place in self._mine and self._mine[place].token == page.token:
            del self._mine[place]
        self._slots.pop(place, None)
        if not self._mine:
            self._wanted.set()

    async def add(self, kind: PageKind, urls: tuple[str, ...], *, depth: int) -> None:
        """Pages were discovered. Raises: Unavailable."""
        added = await self.ask(lambda: self._frontier.add_pages(kind, urls, depth=depth)) if urls else 0
        if added:
            self._is_dry = False
            self._wanted.set()

    async def fail(self, page: Page, reason: str) -> None:
        """A page can't be had. Raises: Unavailable."""
        await self.ask(lambda: self._frontier.fail_page(page, reason))
        self.settle(page)

    def hold(self, seconds: float) -> None:
        """The whole fleet is to leave the host alone; this process does, even when none hears of it."""
        self.host_until = max(self.host_until, time.monotonic() + seconds)
        self._telling = asyncio.ensure_future(self._tell(seconds))

    async def reserve(self) -> float:
        """Seconds until the slot of a request that no lease brought. Raises: Unavailable."""
        return await self.ask(lambda: self._frontier.ask_host(slot=True))

    async def note_delay(self, delay: float) -> None:
        """robots.txt has a Crawl-delay (0: none). Raises: Unavailable."""
        await self.ask(lambda: self._frontier.ask_host(delay=delay))
        self.is_paced = self.is_paced or delay > 0

    async def give_back(self) -> None:
        """Nothing more will be fetched here; best effort, for leases run out by themselves."""
        mine = list(self._mine.values())
        self._mine.clear()
        self._ready.clear()
        with suppress(BookstreamError):
            await asyncio.to_thread(lambda: self._frontier.release_pages(mine))

    async def ask(self, act: Callable[[], T]) -> T:
        """Ask the frontier. Raises: Unavailable."""
        return await retry_while_unavailable(act, patience=self._patience)

    async def _tell(self, seconds: float) -> None:
        """Best effort: who isn't told finds out from the host."""
        with suppress(BookstreamError):
            await asyncio.to_thread(lambda: self._frontier.ask_host(hold=seconds))

    async def _lease(self) -> float:
        """Seconds until it is worth asking again."""
        leased = await self.ask(lambda: self._frontier.lease_pages(_BATCH))
        if leased.state is RunState.RESET:
            await self._begin_anew()
            return 0.0
        self._take(leased)
        if leased.state in (RunState.DRAINED, RunState.FINISHED):
            self.stop()
        return max(_SHORTEST_WAIT, min(leased.retry_after, _LONGEST_WAIT))

    def _take(self, leased: LeaseBatch) -> None:
        now = time.monotonic()
        self.host_until = (
            max(self.host_until, now + leased.host_hold) if leased.host_hold else self.host_until
        )
        self.limited = self.limited or leased.is_limited
        self._is_dry = len(leased.pages) < _BATCH
        for page in leased.pages:
            self._mine[page.kind, page.id] = page
            if page.slot_delay is not None:
                self._slots[page.kind, page.id] = now + page.slot_delay
                self.is_paced = True
        self._ready.extend(leased.pages)
        if self._ready:
            self._came.set()

    async def _renew(self) -> None:
        mine = list(self._mine.values())
        renewed = await self.ask(lambda: self._frontier.renew_leases(mine))
        self.host_until = max(self.host_until, time.monotonic() + renewed.host_hold)
        for page in renewed.lost:
            self.settle(page)
        gone = {(page.kind, page.id, page.token) for page in renewed.lost}
        self._ready = deque(p for p in self._ready if (p.kind, p.id, p.token) not in gone)

    async def _begin_anew(self) -> None:
        self._ready.clear()
        self._mine.clear()
        self._slots.clear()
        await self.ask(self._rejoin)

    async def _until_wanted(self, wait: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), wait)
        self._wanted.clear()
