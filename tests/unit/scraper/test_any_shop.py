"""A shop that nobody wrote code for: its sitemap names the pages, its pages state the books."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from tests.promises import carries
from tests.unit.scraper.site import Answer, serve

from bookcore.events.book import BookWithdrawn
from bookcore.events.codec import decode
from bookcore.events.listing import BookObservedV2

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import RunningShop, Scraper

_SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_BOOK = """<!DOCTYPE html><html><head><title>x</title>{head}<script type="application/ld+json">
{{"@context": "https://schema.org", "@type": "Book", "name": "Book {number}", "isbn": "{isbn}"{offers}}}
</script></head><body><a href="/books/9">another</a></body></html>"""
_OFFERS = ', "offers": {"@type": "Offer", "price": "9.99", "priceCurrency": "GBP"}'
_ISBNS = ("9780141439518", "9780306406157", "9781861972712")


def declare(folder: Path, *starts: str, more: str = "") -> None:
    """A source `any_shop` in the user's own folder."""
    place = folder / "any_shop"
    place.mkdir(parents=True, exist_ok=True)
    (place / "source.toml").write_text(f'reader = "schema_org"\nstart = {json.dumps(starts)}\n{more}')


def build_page(number: int, *, head: str = "", offers: str = _OFFERS) -> Answer:
    isbn = _ISBNS[number % 3]
    return Answer(
        _BOOK.format(number=number, isbn=isbn, head=head, offers=offers).encode(), "text/html; charset=utf-8"
    )


def build_sitemap(url: str, *paths: str) -> Answer:
    entries = "".join(f"<url><loc>{url}{path}</loc></url>" for path in paths)
    return Answer(f"<urlset xmlns='{_SPACE}'>{entries}</urlset>".encode(), "application/xml")


def read_listings(scraper: Scraper) -> list[BookObservedV2]:
    events = [decode(record).event for record in scraper.read_records()]
    return [event for event in events if isinstance(event, BookObservedV2)]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return tmp_path / "sources"


@carries("any-shop")
def test_sample_shop_is_crawled_by_its_sitemap(shop: RunningShop, scraper: Scraper, sources: Path) -> None:
    declare(sources, shop.address, f"{shop.address}sitemap.xml", more='identified_by = ["sku"]\n')
    first = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (first.code, first.summary["books"], first.summary["published"]) == (0, 25, 25), first.error
    with urlopen(f"{shop.address}_shop/truth") as answer:
        truth = {row["upc"]: row for row in map(json.loads, answer)}
    listings = read_listings(scraper)
    assert {event.source_id for event in listings} == truth.keys()
    for event in listings:
        row, (offer,) = truth[event.source_id or ""], event.printed.offers
        assert event.printed.title == row["title"]
        assert offer.price == f"{float(row['price_incl_tax']):.2f} GBP"
        assert offer.availability == ("in_stock" if row["stock"] else "out_of_stock")
    second = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (second.summary["published"], second.summary["unchanged"]) == (0, 25)
    shop.change_books(3)
    assert scraper.crawl(None, source="any_shop", sources=str(sources)).summary["published"] >= 3


def test_page_that_is_no_book_makes_no_event(scraper: Scraper, sources: Path) -> None:
    answers = {
        "/": Answer(b"<html><body><p>Welcome</p></body></html>"),
        "/a": build_page(0),
        "/about": Answer(b"<html><body><p>Us</p></body></html>"),
    }
    with serve(answers) as url:
        answers["/sitemap.xml"] = build_sitemap(url, "a", "about")
        declare(sources, url, f"{url}sitemap.xml")
        ran = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (ran.code, ran.summary["books"], ran.summary["pages"], ran.summary["failed"]) == (0, 1, 4, 0)


def test_copy_of_a_page_is_read_at_its_own_address(scraper: Scraper, sources: Path) -> None:
    copy = build_page(0, head="<link rel=canonical href='/a'>")
    answers = {"/": Answer(b"<html><body><p>Welcome</p></body></html>"), "/a": copy, "/a?ref=mail": copy}
    with serve(answers) as url:
        answers["/sitemap.xml"] = build_sitemap(url, "a?ref=mail")
        declare(sources, url, f"{url}sitemap.xml")
        ran = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (ran.summary["books"], [event.url for event in read_listings(scraper)]) == (1, [f"{url}a"])


def test_links_are_followed_where_the_source_says_so(scraper: Scraper, sources: Path) -> None:
    home = Answer(b"<html><body><a href='/books/1'>1</a><a href='/blog/1'>b</a></body></html>")
    answers = {"/": home, "/books/1": build_page(1), "/blog/1": build_page(2)}
    with serve(answers) as url:
        declare(sources, url, more='follows_links = true\npaths = ["/books/"]\n')
        ran = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (ran.summary["books"], [event.printed.title for event in read_listings(scraper)]) == (
        1,
        ["Book 1"],
    )


def test_crawl_stops_when_most_books_lack_a_field_that_the_source_requires(
    scraper: Scraper, sources: Path
) -> None:
    paths = [f"p{number}" for number in range(25)]
    answers = {
        f"/{path}": build_page(0, offers="", head=f"<link rel=canonical href='/{path}'>") for path in paths
    }
    answers["/"] = Answer(b"<html><body><p>Welcome</p></body></html>")
    with serve(answers) as url:
        answers["/sitemap.xml"] = build_sitemap(url, *paths)
        declare(sources, url, f"{url}sitemap.xml", more='required = ["title", "price"]\n')
        ran = scraper.crawl(None, source="any_shop", sources=str(sources))
        declare(sources, url, f"{url}sitemap.xml", more='required = ["title"]\n')
        again = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (ran.code, again.code) == (1, 0)
    assert "any_shop looks broken: 20 of 20 book pages lack required fields (last: price)" in ran.error
    assert "check its source.toml" in ran.error


def test_book_that_leaves_the_sitemap_is_withdrawn(scraper: Scraper, sources: Path) -> None:
    paths = [f"p{number}" for number in range(6)]
    head = "<link rel=canonical href='/{}'>"
    answers = {f"/{path}": build_page(0, head=head.format(path)) for path in paths}
    answers["/"] = Answer(b"<html><body><p>Welcome</p></body></html>")
    with serve(answers) as url:
        declare(sources, url, f"{url}sitemap.xml", more='identified_by = ["url"]\n')
        for listed in (paths, paths[1:], paths[1:]):
            answers["/sitemap.xml"] = build_sitemap(url, *listed)
            ran = scraper.crawl(None, source="any_shop", sources=str(sources))
    withdrawn = [e for r in scraper.read_records() if isinstance(e := decode(r).event, BookWithdrawn)]
    (book,) = [event for event in read_listings(scraper) if event.url == f"{url}p0"]
    assert (ran.summary["gone"], [event.source_id for event in withdrawn]) == (1, [book.source_id])


def test_typo_in_a_source_ends_the_crawl_with_one_line(scraper: Scraper, sources: Path) -> None:
    declare(sources, "http://127.0.0.1:9/", more='curency = "GBP"\n')
    ran = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (ran.code, ran.error.count("\n")) == (2, 1)
    assert "there is no key 'curency'; the nearest is 'currency'" in ran.error


def test_pages_before_the_damage_of_a_sitemap_are_read(scraper: Scraper, sources: Path) -> None:
    answers = {"/": Answer(b"<html><body><p>Welcome</p></body></html>"), "/a": build_page(0)}
    with serve(answers) as url:
        whole = build_sitemap(url, "a", "b")
        answers["/sitemap.xml"] = Answer(whole.body[: whole.body.index(b"b</loc>")], whole.content_type)
        declare(sources, url, f"{url}sitemap.xml")
        ran = scraper.crawl(None, source="any_shop", sources=str(sources))
    assert (ran.summary["published"], ran.summary["failed"]) == (1, 1)
    assert "the document is damaged: it is no whole XML" in ran.error
