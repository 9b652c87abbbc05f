"""What a transfer tells of a page: its charset, its end, and whether anything was sent at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.scraper.site import Answer, serve

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import Scraper

_LISTING = "<html><body><article class='product_pod'><h3><a href='{book}'>x</a></h3></article></body></html>"
_BOOK = """<!DOCTYPE html><html><head>{head}</head><body><article class="product_page"><div class="row">
<div class="col-sm-6 product_main"><h1>Caf\u00e9 na\u00efve</h1>
<p class="price_color">\u00a351.77</p></div></div>
<table><tr><th>UPC</th><td>a897fe39b1053632</td></tr></table></article></body></html>"""


def build_site(book: Answer, **others: Answer) -> dict[str, Answer]:
    home = Answer(_LISTING.format(book="b_1/index.html").encode())
    return {"/index.html": home, "/b_1/index.html": book, **others}


@pytest.mark.parametrize(
    ("head", "encoding", "content_type"),
    [
        ("", "latin-1", "text/html; charset=iso-8859-1"),
        ("<meta charset='iso-8859-1'>", "utf-8", "text/html; charset=utf-8"),
        ("", "utf-16", "text/html"),
    ],
)
def test_page_is_read_by_the_charset_of_its_header(
    scraper: Scraper, head: str, encoding: str, content_type: str
) -> None:
    with serve(build_site(Answer(_BOOK.format(head=head).encode(encoding), content_type))) as url:
        assert scraper.crawl(url).code == 0
    (event,) = scraper.read_events()
    assert (event.printed.title, event.printed.price) == ("Caf\u00e9 na\u00efve", "\u00a351.77")


def test_304_to_an_unconditional_request_is_an_error(scraper: Scraper) -> None:
    with serve(build_site(Answer(b"", status=304, has_length=False))) as url:
        ran = scraper.crawl(url)
    assert (ran.summary["books"], ran.summary["failed"], scraper.read_events()) == (0, 1, [])
    assert "304 Not Modified to a request without conditions" in ran.error


def test_304_for_the_start_page_of_a_first_crawl_ends_it_with_code_1(scraper: Scraper) -> None:
    with serve({"/index.html": Answer(b"", status=304, has_length=False)}) as url:
        ran = scraper.crawl(url)
    assert (ran.code, "304 Not Modified" in ran.error) == (1, True)


def test_base_of_a_page_is_honoured(scraper: Scraper) -> None:
    home = "<html><head><base href='/shop/'></head>" + _LISTING.removeprefix("<html>")
    answers = {
        "/index.html": Answer(home.format(book="b_1/index.html").encode()),
        "/shop/b_1/index.html": Answer(_BOOK.format(head="").encode()),
    }
    with serve(answers) as url:
        ran = scraper.crawl(url)
    assert [event.url for event in scraper.read_events()] == [f"{url}shop/b_1/index.html"]
    assert ran.summary["failed"] == 0


@pytest.mark.parametrize("has_length", [True, False])
def test_page_without_end_tag_is_whole_when_its_transfer_ended(scraper: Scraper, *, has_length: bool) -> None:
    html = _BOOK.format(head="").removesuffix("</body></html>").encode()
    with serve(build_site(Answer(html, has_length=has_length))) as url:
        ran = scraper.crawl(url)
    assert (ran.summary["published"], ran.summary["failed"]) == (1, 0)


def test_page_with_text_after_its_end_is_whole(scraper: Scraper) -> None:
    html = _BOOK.format(head="").encode() + b"<!-- node 7, 12 ms -->" * 100
    with serve(build_site(Answer(html))) as url:
        assert scraper.crawl(url).summary["published"] == 1


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_page_whose_transfer_ends_early_is_refused(scraper: Scraper, cut: int) -> None:
    with serve(build_site(Answer(_BOOK.format(head="").encode(), cut=cut))) as url:
        ran = scraper.crawl(url, scraper_retries=0)
    assert (ran.summary["published"], ran.summary["failed"]) == (0, 1)
    assert "the page was cut short" in ran.error


def test_page_cut_without_announced_end_is_refused(scraper: Scraper) -> None:
    html = _BOOK.format(head="").encode()
    with serve(build_site(Answer(html[: html.index(b"1.77")], has_length=False))) as url:
        ran = scraper.crawl(url, scraper_retries=0)
    assert (ran.summary["published"], ran.summary["failed"]) == (0, 1)
    assert "the page was cut short" in ran.error
