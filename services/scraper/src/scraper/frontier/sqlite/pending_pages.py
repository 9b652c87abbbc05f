"""Queue of a run's pages, read from the file in chunks so that memory doesn't grow with the site."""

from collections import deque
from collections.abc import Callable

from scraper.frontier import Page, PageKind

_CHUNK = 256
_LISTINGS_PER_BOOK = 3

FetchPages = Callable[[PageKind, int, int], list[Page]]
"""(kind, id, limit) -> pending pages of the kind with a greater id."""


class PendingPages:
    """Pages of this run, each returned once.

    Listings go ahead (three for each book) because they come in chains: a page of a pager links only to the
    next one.
    """

    def __init__(self, fetch: FetchPages) -> None:
        self._fetch = fetch
        self._turn = 0
        self._after = dict.fromkeys(PageKind, 0)
        self._is_exhausted = dict.fromkeys(PageKind, False)
        self._buffers: dict[PageKind, deque[Page]] = {kind: deque() for kind in PageKind}

    def take_next(self) -> Page | None:
        """The next page; None when no page is pending now."""
        self._turn += 1
        books_first = self._turn % (_LISTINGS_PER_BOOK + 1) == 0
        for kind in sorted(PageKind, reverse=books_first):
            if ahead := self._fill_buffer(kind):
                return ahead.popleft()
        return None

    def is_empty(self) -> bool:
        """Whether `take_next` would return None."""
        return not any(self._fill_buffer(kind) for kind in PageKind)

    def mark_pages_added(self) -> None:
        """Read the file again for kinds that were exhausted."""
        self._is_exhausted = dict.fromkeys(PageKind, False)

    def _fill_buffer(self, kind: PageKind) -> deque[Page]:
        """Reads the file only if pages were added since it was exhausted."""
        ahead = self._buffers[kind]
        if not ahead and not self._is_exhausted[kind]:
            ahead.extend(self._fetch(kind, self._after[kind], _CHUNK))
            self._is_exhausted[kind] = len(ahead) < _CHUNK
            if ahead:
                self._after[kind] = ahead[-1].id
        return ahead
