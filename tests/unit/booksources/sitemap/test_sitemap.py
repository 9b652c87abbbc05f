"""Sitemaps: what they link to, and how little a bad one can do."""

import gzip
from datetime import UTC, datetime
from io import BytesIO, RawIOBase
from itertools import islice

import pytest

from bookcore.domain.errors import Invalid
from booksources.reading import Document, Link, SourceProfile
from booksources.sitemap.reader import read_sitemap

_URL = "https://shop.example/sitemap.xml"
_SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_PAGES = f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="{_SPACE}"><!-- made at night -->
<url><loc> https://shop.example/books/1?a=1&amp;b=2 </loc><lastmod>2026-11-01</lastmod></url>
<url><loc>https://shop.example/books/2</loc><lastmod>2026-11-01T10:00:00+01:00</lastmod></url>
<url><loc>javascript:alert(1)</loc></url><url><lastmod>soon</lastmod></url>
<url><loc>https://shop.example/books/3</loc><lastmod>soon</lastmod></url></urlset>"""


def read(body: bytes, url: str = _URL) -> list[tuple[str, str]]:
    items = read_sitemap(Document(url, BytesIO(body)), SourceProfile())
    return [(item.role, item.url) for item in items if isinstance(item, Link)]


_BOOKS = [
    ("book", "https://shop.example/books/1?a=1&b=2"),
    ("book", "https://shop.example/books/2"),
    ("book", "https://shop.example/books/3"),
]


@pytest.mark.parametrize("body", [_PAGES.encode(), gzip.compress(_PAGES.encode())], ids=["plain", "gzip"])
def test_pages_of_a_sitemap_are_links_to_books(body: bytes) -> None:
    assert read(body) == _BOOKS


def test_link_has_the_moment_of_its_last_change() -> None:
    items = read_sitemap(Document(_URL, BytesIO(_PAGES.encode())), SourceProfile())
    assert [item.modified for item in items if isinstance(item, Link)] == [
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 9, tzinfo=UTC),
        None,
    ]


def test_sitemaps_of_an_index_are_links_to_lists() -> None:
    index = f"<sitemapindex xmlns='{_SPACE}'><sitemap><loc>https://a.example/1.xml.gz</loc></sitemap></sitemapindex>"
    assert read(index.encode()) == [("list", "https://a.example/1.xml.gz")]


def test_sitemap_without_a_namespace_is_read() -> None:
    assert read(b"<urlset><url><loc>https://a.example/1</loc></url></urlset>") == [
        ("book", "https://a.example/1")
    ]


def test_plain_text_has_an_address_a_line() -> None:
    assert read(b"\xef\xbb\xbfhttps://a.example/1\r\n\r\nhttps://a.example/2") == [
        ("book", "https://a.example/1"),
        ("book", "https://a.example/2"),
    ]


def test_robots_txt_names_sitemaps() -> None:
    text = (
        b"User-agent: *\nDisallow: /x\nsitemap: https://a.example/1.xml # all\nSitemap:/relative.xml\n"
        + b"# " * 6_000_000
    )
    assert read(text, "https://a.example/robots.txt") == [("list", "https://a.example/1.xml")]


def test_empty_sitemap_has_no_links() -> None:
    assert read(f"<urlset xmlns='{_SPACE}'/>".encode()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><body>Not found</body></html>", "is no sitemap"),
        (b"Not found", "is no sitemap: it begins neither"),
        (_PAGES.encode()[:300], "is damaged: it is no whole XML"),
        (gzip.compress(_PAGES.encode())[:100], "is damaged: it can't be unpacked"),
        (b"\x1f\x8b" + b"x" * 40, "is damaged: it can't be unpacked"),
        (b"<!DOCTYPE a [<!ENTITY b 'x'>]><urlset><url><loc>&b;", "is damaged"),
    ],
    ids=["page", "text", "cut", "cut gzip", "no gzip", "entity"],
)
def test_other_content_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(body)


def test_entities_are_not_expanded(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret") / "key.txt"
    secret.write_text("https://secret.example/key")
    bomb = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10 if n else 'https://a.example/'}'>" for n in range(12))
    text = f"<!DOCTYPE urlset [{bomb}<!ENTITY file SYSTEM 'file://{secret}'>]><urlset>"
    text += "<url><loc>&e11;</loc></url><url><loc>&file;</loc></url></urlset>"
    with pytest.raises(Invalid, match="damaged"):
        read(text.encode())


class _Endless(RawIOBase):
    """A sitemap that does not end; `given` bytes were taken of it."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        chunk = b"<urlset>" if not self.given else b"<url><loc>https://a.example/1</loc></url>" * 100
        self.given += len(chunk)
        return chunk


def test_endless_sitemap_is_left_after_the_links_that_the_protocol_allows() -> None:
    endless = _Endless()
    items = read_sitemap(Document(_URL, endless), SourceProfile())  # type: ignore[arg-type]  # reads as one
    assert len(list(islice(items, 50_000))) == 50_000
    with pytest.raises(Invalid, match="more than 50,000 addresses"):
        next(items)
    assert endless.given < 60_000_000


def test_gzip_bomb_is_left_at_the_limit_of_the_protocol() -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * 60_000_000)
    with pytest.raises(Invalid, match=r"is larger than 52,428,800 bytes|is damaged"):
        read(bomb)
