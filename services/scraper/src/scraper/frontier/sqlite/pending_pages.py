"""Pages of a run as a queue, in small pieces of the file, so that memory doesn't grow with the site."""

from collections import deque
from collections.abc import Callable

from scraper.frontier import Page, PageKind

_CHUNK = 256
_LISTINGS_PER_BOOK = 3

FetchPages = Callable[[PageKind, int, int], list[Page]]
"""(kind, id, limit) -> pages of the kind that wait, from behind that id on."""


class PendingPages:
    """Pages of this run, each given once.

    Listings go ahead (three for each book) because they come in chains: a pager tells only its next page.
    """

    def __init__(self, fetch: FetchPages) -> None:
        self._fetch = fetch
        self._turn = 0
        self._after = dict.fromkeys(PageKind, 0)
        self._is_exhausted = dict.fromkeys(PageKind, False)
        self._buffers: dict[PageKind, deque[Page]] = {kind: deque() for kind in PageKind}

    def take_next(self) -> Page | None:
        """None when no page waits now; one may yet be discovered."""
        self._turn += 1
        books_first = self._turn % (_LISTINGS_PER_BOOK + 1) == 0
        for kind in sorted(PageKind, reverse=books_first):
            if ahead := self._fill_buffer(kind):
                return ahead.popleft()
        return None

    def is_empty(self) -> bool:
        """Whether `next` would give None."""
        return not any(self._fill_buffer(kind) for kind in PageKind)

    def mark_pages_added(self) -> None:
        """Pages were discovered: those that had run dry may have more."""
        self._is_exhausted = dict.fromkeys(PageKind, False)

    def _fill_buffer(self, kind: PageKind) -> deque[Page]:
        """Asks the file only when pages were discovered since it last had no more."""
        ahead = self._buffers[kind]
        if not ahead and not self._is_exhausted[kind]:
            ahead.extend(self._fetch(kind, self._after[kind], _CHUNK))
            self._is_exhausted[kind] = len(ahead) < _CHUNK
            if ahead:
                self._after[kind] = ahead[-1].id
        return ahead
