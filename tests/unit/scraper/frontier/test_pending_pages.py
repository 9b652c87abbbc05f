"""The order in which pages are taken from a file, and that each is taken once."""

from scraper.frontier import Page, PageKind, PageSnapshot
from scraper.frontier.sqlite.pending_pages import PendingPages


class _File:
    """Pages in the order of discovery."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.asked = 0

    def add(self, kind: PageKind, *urls: str) -> None:
        self.pages += [
            Page(len(self.pages) + n, url, kind, 1, PageSnapshot()) for n, url in enumerate(urls, 1)
        ]

    def fetch(self, kind: PageKind, after: int, limit: int) -> list[Page]:
        self.asked += 1
        return [page for page in self.pages if page.kind is kind and page.id > after][:limit]


def _all(waiting: PendingPages) -> list[str]:
    found = []
    while page := waiting.take_next():
        found.append(page.url)
    return found


def test_three_listings_go_ahead_of_each_book() -> None:
    file = _File()
    file.add(PageKind.BOOK, "b1", "b2")
    file.add(PageKind.LISTING, "l1", "l2", "l3", "l4")
    assert _all(PendingPages(file.fetch)) == ["l1", "l2", "l3", "b1", "l4", "b2"]


def test_pages_of_several_chunks_are_taken_once_each() -> None:
    file = _File()
    urls = [f"b{number}" for number in range(1_000)]
    file.add(PageKind.BOOK, *urls)
    assert _all(PendingPages(file.fetch)) == urls


def test_pages_added_late_are_taken() -> None:
    file = _File()
    waiting = PendingPages(file.fetch)
    assert waiting.is_empty()
    file.add(PageKind.LISTING, "l1")
    waiting.mark_pages_added()
    assert _all(waiting) == ["l1"]


def test_exhausted_file_is_not_read_again_until_pages_are_added() -> None:
    file = _File()
    waiting = PendingPages(file.fetch)
    asked = [file.asked for _ in range(3) if waiting.is_empty()]
    assert asked == [2, 2, 2]
