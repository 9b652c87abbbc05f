"""Leases of the one process that an embedded frontier serves; in memory, since they end with the process."""

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import islice

from scraper.frontier import CrawlLimits, LeaseBatch, Page, RunState
from scraper.frontier.sqlite.pacing import HostPace
from scraper.frontier.sqlite.pending_pages import PendingPages

_AHEAD = 0.5


class InMemoryLeases:
    """Leased pages and their expiry. `handed_out`: pages that the run has leased before."""

    def __init__(
        self,
        pending: PendingPages,
        limits: CrawlLimits,
        *,
        handed_out: int,
        pace: HostPace,
        clock: Callable[[], float],
    ) -> None:
        self._pending = pending
        self._limits = limits
        self._pace = pace
        self._clock = clock
        self._remaining = max(0, limits.max_pages - handed_out)
        self._token = 0
        self._leased: dict[int, tuple[Page, float]] = {}

    @property
    def count(self) -> int:
        """Number of leased pages."""
        return len(self._leased)

    def mark_pages_added(self) -> None:
        """Look for new pages at the next lease."""
        self._pending.mark_pages_added()

    def lease_pages(self, limit: int) -> LeaseBatch:
        pages = self._take_pages(self._compute_capacity(limit))
        self._token += 1
        until = self._clock() + self._limits.lease_seconds
        delays = self._pace.reserve_slots(len(pages))
        leased = [
            replace(page, token=self._token, slot_delay=delay)
            for page, delay in zip(pages, delays, strict=True)
        ]
        self._leased.update({page.id: (page, until) for page in leased})
        return LeaseBatch(
            RunState.ACTIVE if leased or not self.is_drained() else RunState.DRAINED,
            leased,
            retry_after=max(0.0, self._pace.wait_seconds - _AHEAD) or 1.0,
            host_hold=self._pace.hold_seconds,
            is_limited=self._remaining == 0 and not self._pending.is_empty(),
        )

    def is_drained(self) -> bool:
        """Whether nothing is leased and nothing more may be leased."""
        return not self._leased and (self._remaining == 0 or self._pending.is_empty())

    def renew_leases(self, pages: Collection[Page]) -> list[Page]:
        """Extend the leases; the pages whose lease was lost."""
        until = self._clock() + self._limits.lease_seconds
        mine = [page for page in pages if self.owns(page)]
        self._leased.update({page.id: (page, until) for page in mine})
        return [page for page in pages if not self.owns(page)]

    def owns(self, page: Page) -> bool:
        """Whether this lease of the page is the newest one."""
        return page.id in self._leased and self._leased[page.id][0].token == page.token

    def remove_lease(self, page: Page) -> None:
        self._leased.pop(page.id, None)

    def release_pages(self, pages: Collection[Page]) -> None:
        """Return pages to the queue at once."""
        self._leased.update({page.id: (replace(page, token=0), 0.0) for page in pages if self.owns(page)})

    def _compute_capacity(self, limit: int) -> int:
        room = self._pace.count_slots(limit, ahead=_AHEAD)
        if self._limits.host_concurrency:
            now = self._clock()
            busy = sum(until > now for _, until in self._leased.values())
            room = min(room, self._limits.host_concurrency - busy)
        return max(0, room)

    def _take_pages(self, room: int) -> list[Page]:
        """Expired leases come first."""
        now = self._clock()
        out = (page for page, until in self._leased.values() if until <= now)
        pages = list(islice(out, room))
        while len(pages) < room and self._remaining > 0 and (page := self._pending.take_next()):
            self._remaining -= 1
            pages.append(page)
        return pages
