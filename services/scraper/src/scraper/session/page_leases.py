"""Pages leased to this process: leased a little ahead, renewed while under way, released at the end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import TypeVar

from bookcore.domain.errors import BookstreamError
from scraper.frontier import LeaseBatch, Page, PageKind, PageQueue, RunState
from scraper.session.host_pacer import HostPacer
from scraper.session.retry import retry_while_unavailable

_BATCH = 64
_LOW_WATERMARK = 24
_MIN_WAIT = 0.02
_MAX_WAIT = 0.25
"""Seconds until discoveries, holds and commands of other processes are seen."""

_RENEWALS_PER_LEASE = 3

T = TypeVar("T")


class SupplyState(Enum):
    """WAITING: the spider took all leased pages and is woken by the next one. SUPPLYING: it takes pages by
    itself. CLOSED: no more pages are leased."""

    WAITING = auto()
    SUPPLYING = auto()
    CLOSED = auto()


class PageLeases:
    """Supplies the spider with leased pages, for one event loop.

    `rejoin` begins the run again after the store was emptied; it blocks, as the queue does. `on_turn` is
    called at each turn of `run`.
    """

    def __init__(
        self,
        queue: PageQueue,
        pacer: HostPacer,
        *,
        rejoin: Callable[[], None],
        lease_seconds: float,
        patience: float,
    ) -> None:
        self.is_limited = False
        self._queue = queue
        self._pacer = pacer
        self._rejoin = rejoin
        self._renew_interval = lease_seconds / _RENEWALS_PER_LEASE
        self._patience = patience
        self.on_turn: Callable[[], None] = lambda: None
        self._ready: deque[Page] = deque()
        self._leased: dict[tuple[PageKind, int], Page] = {}
        self._state = SupplyState.WAITING
        self._is_queue_exhausted = False
        self._lease_wanted = asyncio.Event()
        self._supply_changed = asyncio.Event()

    async def run(self) -> None:
        """Lease and renew until the run is over.

        Raises: Unavailable when the frontier is away for longer than the patience.
        """
        renew_at = time.monotonic() + self._renew_interval
        while self._state is not SupplyState.CLOSED:
            self.on_turn()
            wait = _MAX_WAIT
            if len(self._ready) < _LOW_WATERMARK:
                wait = await self._lease_pages()
            if time.monotonic() >= renew_at:
                renew_at = time.monotonic() + self._renew_interval
                await self._renew_leases()
            await self._wait_until_wanted(wait)

    def close(self) -> None:
        """Lease no more pages."""
        self._change_state(SupplyState.CLOSED)
        self._lease_wanted.set()
        self._supply_changed.set()

    async def wait_for_page(self) -> Page | None:
        """The first page after `take_page` returned None; None when the run is over."""
        while self._state is not SupplyState.CLOSED:
            if self._state is SupplyState.WAITING and self._ready:
                return self.take_page()
            self._supply_changed.clear()
            await self._supply_changed.wait()
        return None

    def take_page(self) -> Page | None:
        """The next leased page, None when there is none now."""
        self._change_state(SupplyState.SUPPLYING if self._ready else SupplyState.WAITING)
        page = self._ready.popleft() if self._ready else None
        if len(self._ready) < _LOW_WATERMARK and not self._is_queue_exhausted:
            self._lease_wanted.set()
        return page

    def has_pages(self) -> bool:
        """Whether `take_page` would return a page."""
        return bool(self._ready)

    def remove_lease(self, page: Page) -> None:
        """Drop the lease of a page that is done, failed or lost."""
        key = (page.kind, page.id)
        if key in self._leased and self._leased[key].token == page.token:
            del self._leased[key]
        self._pacer.take_slot(page)
        if not self._leased:
            self._lease_wanted.set()

    async def add_pages(self, kind: PageKind, urls: tuple[str, ...], *, depth: int) -> None:
        """Add discovered pages to the queue. Raises: Unavailable."""
        added = await self._call(lambda: self._queue.add_pages(kind, urls, depth=depth)) if urls else 0
        if added:
            self._is_queue_exhausted = False
            self._lease_wanted.set()

    async def fail_page(self, page: Page, reason: str, *, is_missing: bool = False) -> None:
        """Record the failure of a page and drop its lease. Raises: Unavailable."""
        await self._call(lambda: self._queue.fail_page(page, reason, is_missing=is_missing))
        self.remove_lease(page)

    async def release_pages(self) -> None:
        """Return all leased pages to the queue; best effort, since leases expire by themselves."""
        pages = list(self._leased.values())
        self._leased.clear()
        self._ready.clear()
        with suppress(BookstreamError):
            await asyncio.to_thread(lambda: self._queue.release_pages(pages))

    def _change_state(self, state: SupplyState) -> None:
        """CLOSED is final."""
        if self._state is not SupplyState.CLOSED:
            self._state = state

    async def _lease_pages(self) -> float:
        """Seconds until the next lease request can succeed."""
        batch = await self._call(lambda: self._queue.lease_pages(_BATCH))
        if batch.state is RunState.RESET:
            await self._restart()
            return 0.0
        self._accept(batch)
        if batch.state in (RunState.DRAINED, RunState.FINISHED):
            self.close()
        return max(_MIN_WAIT, min(batch.retry_after, _MAX_WAIT))

    def _accept(self, batch: LeaseBatch) -> None:
        self._pacer.extend_hold(batch.host_hold)
        self._pacer.assign_slots(batch.pages)
        self.is_limited = self.is_limited or batch.is_limited
        self._is_queue_exhausted = len(batch.pages) < _BATCH
        self._leased.update({(page.kind, page.id): page for page in batch.pages})
        self._ready.extend(batch.pages)
        if self._ready:
            self._supply_changed.set()

    async def _renew_leases(self) -> None:
        pages = list(self._leased.values())
        renewal = await self._call(lambda: self._queue.renew_leases(pages))
        self._pacer.extend_hold(renewal.host_hold)
        for page in renewal.lost:
            self.remove_lease(page)
        lost = {(page.kind, page.id, page.token) for page in renewal.lost}
        self._ready = deque(p for p in self._ready if (p.kind, p.id, p.token) not in lost)

    async def _restart(self) -> None:
        self._ready.clear()
        self._leased.clear()
        self._pacer.clear_slots()
        await self._call(self._rejoin)

    async def _wait_until_wanted(self, seconds: float) -> None:
        """Returns at once after `close`, which sets the event."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._lease_wanted.wait(), seconds)
        self._lease_wanted.clear()

    async def _call(self, operation: Callable[[], T]) -> T:
        return await retry_while_unavailable(operation, patience=self._patience)
