"""Leases of the one process that an embedded frontier serves: in memory, since they end with the process."""

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import islice

from scraper.frontier import Bounds, Leased, Page, State
from scraper.frontier.sqlite.pacing import Pace
from scraper.frontier.sqlite.pending_pages import WaitingPages

_AHEAD = 0.5


class Leases:
    """What is under way, and until when. `taken`: pages that the run has handed out before."""

    def __init__(
        self, waiting: WaitingPages, bounds: Bounds, *, taken: int, pace: Pace, clock: Callable[[], float]
    ) -> None:
        self._waiting = waiting
        self._bounds = bounds
        self._pace = pace
        self._clock = clock
        self._left = max(0, bounds.most - taken)
        self._token = 0
        self._held: dict[int, tuple[Page, float]] = {}

    @property
    def number(self) -> int:
        """Pages under way."""
        return len(self._held)

    def note_added(self) -> None:
        """Pages were discovered."""
        self._waiting.note_added()

    def lease(self, limit: int) -> Leased:
        """As Frontier.lease."""
        pages = self._pages(self._room(limit))
        self._token += 1
        until = self._clock() + self._bounds.lease
        dues = self._pace.promise(len(pages))
        leased = [replace(page, token=self._token, due=due) for page, due in zip(pages, dues, strict=True)]
        self._held.update({page.id: (page, until) for page in leased})
        return Leased(
            State.GOING if leased or not self.is_drained() else State.DRAINED,
            leased,
            wait=max(0.0, self._pace.wait - _AHEAD) or 1.0,
            hold=self._pace.hold,
            limited=self._left == 0 and not self._waiting.is_empty(),
        )

    def is_drained(self) -> bool:
        """Nothing waits that may be handed out, and nothing is leased."""
        return not self._held and (self._left == 0 or self._waiting.is_empty())

    def renew(self, pages: Collection[Page]) -> list[Page]:
        """Those that somebody else has."""
        until = self._clock() + self._bounds.lease
        mine = [page for page in pages if self.owns(page)]
        self._held.update({page.id: (page, until) for page in mine})
        return [page for page in pages if not self.owns(page)]

    def owns(self, page: Page) -> bool:
        """Whether the page's lease is the newest one."""
        return page.id in self._held and self._held[page.id][0].token == page.token

    def let_go(self, page: Page) -> None:
        """Done or failed."""
        self._held.pop(page.id, None)

    def give_back(self, pages: Collection[Page]) -> None:
        """To be handed out at once."""
        self._held.update({page.id: (replace(page, token=0), 0.0) for page in pages if self.owns(page)})

    def _room(self, limit: int) -> int:
        room = self._pace.room(limit, ahead=_AHEAD)
        if self._bounds.at_a_time:
            now = self._clock()
            busy = sum(until > now for _, until in self._held.values())
            room = min(room, self._bounds.at_a_time - busy)
        return max(0, room)

    def _pages(self, room: int) -> list[Page]:
        """Leases that ran out come first."""
        now = self._clock()
        out = (page for page, until in self._held.values() if until <= now)
        pages = list(islice(out, room))
        while len(pages) < room and self._left > 0 and (page := self._waiting.next()):
            self._left -= 1
            pages.append(page)
        return pages
