"""Page objects take whatever bytes there are."""

import pytest

from scraper.sources import SOURCES
from scraper.sources.page_objects import decode_html

_SOURCE = SOURCES["books_toscrape"]
_HTML = '<html><head><meta charset="{charset}"></head><body>£51.77 naïve</body></html>'


@pytest.mark.parametrize(
    "html", [b"", b" ", b"\x00" * 50, b"<html", b"\xff\xfe\xfd", b"<a href='http://[x'>", b"{}"]
)
def test_page_objects_never_raise(html: bytes) -> None:
    book, listing = _SOURCE.book_page(html, "http://a/b/"), _SOURCE.list_page(html, "http://a/b/")
    assert book.to_item().title is None
    assert (book.source_id, listing.total) == (None, None)
    assert (listing.list_links().books, listing.list_links().listings) == ((), ())
    assert not book.is_complete


def test_invalid_links_are_skipped() -> None:
    card = "<article class='product_pod'><h3><a href='{}'>x</a></h3></article>"
    html = card.format("http://[x") + card.format(" ../b_1/index.html ") + card.format("")
    links = _SOURCE.list_page(html.encode(), "http://a/catalogue/page-2.html").list_links()
    assert links.books == ("http://a/b_1/index.html", "http://a/catalogue/page-2.html")


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_page_is_decoded_by_its_declared_charset(charset: str) -> None:
    html = _HTML.format(charset=charset)
    assert decode_html(html.encode(charset)) == html


def test_bytes_invalid_in_the_declared_charset_become_replacement_characters() -> None:
    assert "\ufffd51.77" in decode_html(_HTML.format(charset="utf-8").encode("latin-1"))


def test_unknown_charset_counts_as_utf_8() -> None:
    html = _HTML.format(charset="klingon-1")
    assert decode_html(html.encode()) == html
