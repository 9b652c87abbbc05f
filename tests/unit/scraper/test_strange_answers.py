"""Answers that no page object or guard expects: the page counts as failed, the crawl goes on."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.scraper.conftest import Scraper

_LISTING = (
    b"<html><body><article class='product_pod'><h3><a href='catalogue/x_1/index.html' title='x'>x</a></h3>"
    b"</article></body></html>"
)


class _Strange(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_book = "x_1" in self.path
        self.send_response(302 if is_book else 404 if "robots" in self.path else 200)
        if is_book:
            self.send_header("Location", "http://[")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if not is_book:
            self.wfile.write(_LISTING)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Tests have enough to say."""


@contextmanager
def strange_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Strange)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_redirect_to_an_invalid_url_is_a_failed_page(scraper: Scraper) -> None:
    with strange_site() as url:
        ran = scraper.crawl(url)
    assert (ran.code, ran.summary["failed"], ran.summary["pages"]) == (0, 1, 1)
    assert "could not be handled" in ran.error
