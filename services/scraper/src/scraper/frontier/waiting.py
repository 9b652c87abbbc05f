"""The frontier as a queue: small pieces of the file at a time, so that memory doesn't grow with the site."""

from collections import deque

from scraper.frontier import Kind, Page
from scraper.frontier.sqlite import Frontier

_CHUNK = 256
_LISTINGS_PER_BOOK = 3


class WaitingPages:
    """Pages of this run, each handed out once.

    Listings go ahead (three for each book) because they come in chains: a pager tells only its next page.
    """

    def __init__(self, frontier: Frontier) -> None:
        self._frontier = frontier
        self._turn = 0
        self._after = dict.fromkeys(Kind, 0)
        self._emptied_at = dict.fromkeys(Kind, -1)
        self._ahead: dict[Kind, deque[Page]] = {kind: deque() for kind in Kind}

    def next(self) -> Page | None:
        """None when no page waits now; one may yet be discovered."""
        self._turn += 1
        books_first = self._turn % (_LISTINGS_PER_BOOK + 1) == 0
        for kind in sorted(Kind, reverse=books_first):
            if ahead := self._filled(kind):
                return ahead.popleft()
        return None

    def is_empty(self) -> bool:
        """Whether `next` would give None."""
        return not any(self._filled(kind) for kind in Kind)

    def _filled(self, kind: Kind) -> deque[Page]:
        """Asks the file only when pages were discovered since it last had no more."""
        ahead = self._ahead[kind]
        if not ahead and self._emptied_at[kind] != self._frontier.known:
            ahead.extend(self._frontier.waiting(kind, after=self._after[kind], limit=_CHUNK))
            if len(ahead) < _CHUNK:
                self._emptied_at[kind] = self._frontier.known
            if ahead:
                self._after[kind] = ahead[-1].id
        return ahead
