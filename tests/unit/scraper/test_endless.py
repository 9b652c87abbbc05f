"""A site whose pager has no end, which no shop of ours has."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import Scraper

_LISTING = (
    "<html><body>{card}<ul class='pager'><li class='next'>"
    "<a href='http://books.toscrape.com/page-{next}.html'>next</a></li></ul></body></html>"
)
_CARD = "<article class='product_pod'><h3><a href='book-1.html'>A book</a></h3></article>"


class _Endless(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    card = _CARD
    robots = "User-agent: *\nDisallow: /book-1.html\n"

    def do_GET(self) -> None:
        number = "".join(each for each in self.path if each.isdigit()) or "0"
        html = _LISTING.format(card=self.card, next=int(number) + 1).encode()
        if self.path == "/robots.txt":
            html = self.robots.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(html)))
        self.end_headers()
        self.wfile.write(html)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Bare(_Endless):
    card = ""


class _Slow(_Endless):
    robots = "User-agent: *\nCrawl-delay: 0.3\n"


@pytest.fixture(params=[_Endless])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the site is, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), request.param)
    Thread(target=server.serve_forever, args=(0.05,)).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_number_of_pages_bounds_an_endless_pager(address: str, scraper: Scraper) -> None:
    ran = scraper.crawl(address, scraper_max_pages=40)
    assert (ran.code, ran.summary["limited"]) == (0, True)
    assert ran.summary["pages"] + ran.summary["failed"] == 40


def test_depth_bounds_an_endless_pager(address: str, scraper: Scraper) -> None:
    ran = scraper.crawl(address, scraper_max_depth=12)
    assert (ran.code, ran.summary["limited"], ran.summary["pages"]) == (0, True, 13)


@pytest.mark.parametrize("address", [_Bare], indirect=True)
def test_pager_of_pages_without_books_is_not_followed(address: str, scraper: Scraper) -> None:
    assert scraper.crawl(address).summary["pages"] == 1


def test_pages_disallowed_by_robots_txt_are_not_fetched(address: str, scraper: Scraper) -> None:
    ran = scraper.crawl(address, scraper_max_depth=1)
    assert (ran.summary["books"], ran.summary["failed"]) == (0, 1)
    assert "Forbidden by robots.txt" in ran.error


@pytest.mark.parametrize("address", [_Slow], indirect=True)
def test_crawl_delay_keeps_requests_apart(address: str, scraper: Scraper) -> None:
    ran = scraper.crawl(address, scraper_max_pages=6)
    assert ran.summary["pages"] + ran.summary["failed"] == 6
    assert ran.summary["seconds"] >= 5 * 0.3
