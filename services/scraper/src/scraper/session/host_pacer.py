"""Pace of the crawled host in this process; the frontier shares it with the fleet.

Moments are those of time.monotonic().
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from bookcore.domain.errors import BookstreamError
from scraper.frontier import HostPacing, Page, PageKind
from scraper.session.retry import retry_while_unavailable

T = TypeVar("T")


class HostPacer:
    """Request slots and holds of the host, for one event loop. `patience`: seconds to wait for the
    frontier."""

    def __init__(self, pacing: HostPacing, *, is_paced: bool, patience: float) -> None:
        self.is_paced = is_paced
        self.held_until = 0.0
        self._pacing = pacing
        self._patience = patience
        self._slots: dict[tuple[PageKind, int], float] = {}
        self._hold: asyncio.Future[None] | None = None

    def hold_host(self, seconds: float) -> None:
        """Hold the host here at once and, best effort, for the whole fleet."""
        self.extend_hold(seconds)
        self._hold = asyncio.ensure_future(self._share_hold(seconds))

    def extend_hold(self, seconds: float) -> None:
        """Hold the host in this process for at least so many seconds from now."""
        if seconds:
            self.held_until = max(self.held_until, time.monotonic() + seconds)

    async def reserve_slot(self) -> float:
        """Seconds until the slot of a request that has none from a lease. Raises: Unavailable."""
        return await self._call(self._pacing.reserve_slot)

    async def set_crawl_delay(self, seconds: float) -> None:
        """Crawl-delay of robots.txt, 0 for none. Raises: Unavailable."""
        await self._call(lambda: self._pacing.set_crawl_delay(seconds))
        self.is_paced = self.is_paced or seconds > 0

    def assign_slots(self, pages: Sequence[Page]) -> None:
        """Keep the slots that came with leases just granted."""
        now = time.monotonic()
        for page in pages:
            if page.slot_delay is not None:
                self._slots[page.kind, page.id] = now + page.slot_delay
                self.is_paced = True

    def take_slot(self, page: Page) -> float | None:
        """Moment of the slot that came with the lease, once; None for a retry and for a host without a
        pace."""
        return self._slots.pop((page.kind, page.id), None)

    def clear_slots(self) -> None:
        """Drop the slots of all leases."""
        self._slots.clear()

    async def _share_hold(self, seconds: float) -> None:
        with suppress(BookstreamError):  # other processes get the same answer from the host itself
            await asyncio.to_thread(lambda: self._pacing.hold_host(seconds))

    async def _call(self, operation: Callable[[], T]) -> T:
        return await retry_while_unavailable(operation, patience=self._patience)
