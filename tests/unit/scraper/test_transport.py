"""What a transfer tells of a page: its charset, its end, and whether anything was sent at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.scraper.site import Answer, serve

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import Scraper

_CARD = "<article class='product_pod'><h3><a href='{}'>x</a></h3></article>"
_BOOK = """<!DOCTYPE html><html><head>{head}</head><body><article class="product_page"><div class="row">
<div class="col-sm-6 product_main"><h1>Caf\u00e9 na\u00efve</h1>
<p class="price_color">\u00a351.77</p></div></div>
<table><tr><th>UPC</th><td>{upc}</td></tr></table></article></body></html>"""


def build_book(upc: str, head: str = "") -> str:
    return _BOOK.format(upc=upc, head=head)


def build_site(books: dict[str, Answer], *, base: str = "") -> dict[str, Answer]:
    """A start page that lists the books by their names."""
    cards = "".join(_CARD.format(f"{name}/index.html") for name in books)
    home = f"<html><head>{base}</head><body>{cards}</body></html>"
    return {
        "/index.html": Answer(home.encode()),
        **{f"/{name}/index.html": each for name, each in books.items()},
    }


def test_page_is_read_by_the_charset_of_its_header(scraper: Scraper) -> None:
    meta = "<meta charset='iso-8859-1'>"
    books = {
        "a": Answer(build_book("a").encode("latin-1"), "text/html; charset=iso-8859-1"),
        "b": Answer(build_book("b", meta).encode(), "text/html; charset=utf-8"),
        "c": Answer(build_book("c").encode("utf-16"), "text/html"),
    }
    with serve(build_site(books)) as url:
        assert scraper.crawl(url).code == 0
    printed = {event.source_id: (event.printed.title, event.printed.price) for event in scraper.read_events()}
    assert printed == dict.fromkeys("abc", ("Caf\u00e9 na\u00efve", "\u00a351.77"))


def test_304_to_an_unconditional_request_is_an_error(scraper: Scraper) -> None:
    with serve(build_site({"a": Answer(b"", status=304, has_length=False)})) as url:
        ran = scraper.crawl(url)
    assert (ran.summary["books"], ran.summary["failed"], scraper.read_events()) == (0, 1, [])
    assert "304 Not Modified to a request without conditions" in ran.error


def test_304_for_the_start_page_of_a_first_crawl_ends_it_with_code_1(scraper: Scraper) -> None:
    with serve({"/index.html": Answer(b"", status=304, has_length=False)}) as url:
        ran = scraper.crawl(url)
    assert (ran.code, "304 Not Modified" in ran.error) == (1, True)


def test_base_of_a_page_is_honoured(scraper: Scraper) -> None:
    answers = build_site({"a": Answer(b"", status=404)}, base="<base href='/shop/'>")
    answers["/shop/a/index.html"] = Answer(build_book("a").encode())
    with serve(answers) as url:
        ran = scraper.crawl(url)
    assert [event.url for event in scraper.read_events()] == [f"{url}shop/a/index.html"]
    assert ran.summary["failed"] == 0


def test_page_is_whole_when_its_transfer_and_elements_ended(scraper: Scraper) -> None:
    without_end = build_book("a").removesuffix("</body></html>").encode()
    books = {
        "a": Answer(without_end),
        "b": Answer(without_end.replace(b"<td>a", b"<td>b"), has_length=False),
        "c": Answer(build_book("c").encode() + b"<!-- node 7, 12 ms -->" * 100),
    }
    with serve(build_site(books)) as url:
        ran = scraper.crawl(url)
    assert (ran.summary["published"], ran.summary["failed"]) == (3, 0)


def test_page_that_was_cut_is_refused(scraper: Scraper) -> None:
    html = build_book("a").encode()
    books = {f"cut-{cut}": Answer(html, cut=cut) for cut in (1, 20, 150)}
    books["undelimited"] = Answer(html[: html.index(b"1.77")], has_length=False)
    with serve(build_site(books)) as url:
        ran = scraper.crawl(url, scraper_retries=0)
    assert (ran.summary["published"], ran.summary["failed"]) == (0, 4)
    assert ran.error.count("the page was cut short") == 4
