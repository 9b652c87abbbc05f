"""Books that leave a shop, and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.promises import carries
from tests.unit.scraper.site import Answer, serve

from bookcore.events.book import BookWithdrawn
from bookcore.events.codec import decode
from bookcore.kit.failpoint import Failpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.unit.scraper.conftest import Scraper

_CARD = "<article class='product_pod'><h3><a href='b_{}/index.html'>x</a></h3></article>"
_BOOK = """<html><body><article class="product_page"><div class="row"><div class="col-sm-6 product_main">
<h1>Book {0}</h1><p class="price_color">\u00a351.77</p></div></div>
<table><tr><th>UPC</th><td>upc-{0}</td></tr></table></article></body></html>"""
_ALL = range(10)


class Shelf(dict[str, Answer]):
    """A site of ten books; `show` changes what it lists and has."""

    def show(self, listed: Iterable[int], *, gone: Iterable[int] = (), status: int = 404) -> None:
        """List these books and answer for the gone ones with the status."""
        cards = "".join(_CARD.format(number) for number in listed)
        self["/index.html"] = Answer(f"<html><body>{cards}</body></html>".encode())
        for number in _ALL:
            html = _BOOK.format(number).encode()
            answer = Answer(b"", status=status) if number in set(gone) else Answer(html)
            self[f"/b_{number}/index.html"] = answer


def read_withdrawals(scraper: Scraper) -> list[BookWithdrawn]:
    found = [decode(record).event for record in scraper.read_records()]
    return [event for event in found if isinstance(event, BookWithdrawn)]


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.show(_ALL)
    return shelf


@pytest.mark.parametrize("status", [404, 410])
@carries("withdrawn")
def test_book_whose_page_is_not_found_twice_is_withdrawn_and_comes_back(
    shelf: Shelf, scraper: Scraper, status: int
) -> None:
    with serve(shelf) as url:
        scraper.crawl(url)
        shelf.show(_ALL, gone=[3], status=status)
        first, second = scraper.crawl(url), scraper.crawl(url)
        assert [(ran.code, ran.summary["gone"]) for ran in (first, second)] == [(0, 0), (0, 1)]
        (withdrawn,) = read_withdrawals(scraper)
        assert (withdrawn.key, withdrawn.reason) == (
            "books_toscrape:upc-3",
            "its page was not found in two crawls",
        )
        shelf.show(_ALL)
        back = scraper.crawl(url)
    newest = max(event.version for event in scraper.read_events() if event.source_id == "upc-3")
    assert (back.summary["published"], newest > withdrawn.version) == (1, True)


def test_book_that_two_complete_crawls_do_not_list_is_withdrawn(shelf: Shelf, scraper: Scraper) -> None:
    with serve(shelf) as url:
        scraper.crawl(url)
        shelf.show(range(9))
        gone = [scraper.crawl(url).summary["gone"] for _ in range(3)]
    assert gone == [0, 1, 0]
    assert [event.reason for event in read_withdrawals(scraper)] == [
        "it was not listed in two complete crawls"
    ]


def test_crawl_that_sees_too_little_withdraws_nothing_and_says_so(shelf: Shelf, scraper: Scraper) -> None:
    with serve(shelf) as url:
        scraper.crawl(url)
        shelf.show(range(7), gone=range(7, 10))
        outcomes = [scraper.crawl(url) for _ in range(2)]
    assert [(ran.code, ran.summary["gone"], ran.summary["withheld"]) for ran in outcomes] == [
        (0, 0, 0),
        (0, 0, 3),
    ]
    assert "this run saw 7 of the 10 books of the last complete one" in outcomes[-1].error
    assert read_withdrawals(scraper) == []


def test_crawl_killed_while_it_withdraws_goes_on_with_the_same_event(shelf: Shelf, scraper: Scraper) -> None:
    with serve(shelf) as url:
        scraper.crawl(url)
        shelf.show(_ALL, gone=[3])
        scraper.crawl(url)
        scraper.kill_at(Failpoint.SCRAPER_AFTER_APPEND, url)
        ran = scraper.crawl(url)
    assert (ran.code, ran.summary["gone"]) == (0, 1)
    assert len({event.event_id for event in read_withdrawals(scraper)}) == 1
    assert {line["event_id"] for line in scraper.read_ledger()} >= {
        event.event_id for event in read_withdrawals(scraper)
    }
