"""A catalogue without pages: a feed of several documents is crawled by its reader."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.scraper.site import Answer, serve

from bookcore.event_log import open_event_log
from bookcore.events.book import BookWithdrawn
from bookcore.events.codec import decode
from bookcore.events.dead_letter import decode_dead_letter
from bookcore.events.listing import BookObservedV2
from bookcore.events.topics import OBSERVED

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import Scraper

_FEED = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opds="http://opds-spec.org/2010/catalog"
 xmlns:at="http://purl.org/atompub/tombstones/1.0">{entries}</feed>"""
_BOOK = """<entry><id>book-{number}</id><title>Book {number}</title>
<link rel="http://opds-spec.org/acquisition/buy" href="/buy/{number}">
<opds:price currencycode="EUR">{price}</opds:price></link></entry>"""
_NEXT = '<link rel="next" href="/page-2.xml"/>'
_MORE = """<entry><id>nav</id><title>More</title>
<link href="/more.xml" type="application/atom+xml;profile=opds-catalog"/></entry>"""
_UNTITLED = '<entry><id>no-title</id><link rel="http://opds-spec.org/acquisition/buy" href="/b"/></entry>'
_DELETED = '<at:deleted-entry ref="book-1"><at:comment>sold off</at:comment></at:deleted-entry>'


def build_feed(*entries: str) -> Answer:
    return Answer(_FEED.format(entries="".join(entries)).encode(), "application/atom+xml")


def build_book(number: int, price: str = "9.99") -> str:
    return _BOOK.format(number=number, price=price)


def read_reasons(scraper: Scraper) -> list[str]:
    log = open_event_log(f"sqlite://{scraper.data}/log.db")
    records = log.read(OBSERVED.dead_letter_topic, 0, 0, 100)
    log.close()
    return [decode_dead_letter(record).reason for record in records]


def test_feed_is_crawled_page_by_page_with_its_withdrawals(scraper: Scraper, tmp_path: Path) -> None:
    place = tmp_path / "sources" / "lamps"
    place.mkdir(parents=True)
    answers = {
        "/feed.xml": build_feed(_NEXT, _MORE, build_book(1), build_book(5), _UNTITLED),
        "/page-2.xml": build_feed(build_book(2)),
        "/more.xml": build_feed(build_book(3)),
    }
    with serve(answers) as url:
        (place / "source.toml").write_text(
            f'reader = "opds"\nstart = {json.dumps([f"{url}feed.xml"])}\nterritory = "DE"\ncurrency = "EUR"\n'
        )
        first = scraper.crawl(None, source="lamps", sources=str(place.parent))
        assert (first.code, first.summary["books"], first.summary["published"]) == (0, 4, 4), first.error
        answers["/feed.xml"] = build_feed(_NEXT, _MORE, _DELETED, build_book(4, "soon"))
        second = scraper.crawl(None, source="lamps", sources=str(place.parent))
        assert (second.code, second.summary["books"]) == (0, 3), second.error
    events = [decode(record).event for record in scraper.read_records()]
    seen = {event.source_id: event for event in events if isinstance(event, BookObservedV2)}
    assert seen.keys() == {"book-1", "book-2", "book-3", "book-4", "book-5"}
    assert {offer.price for offer in seen["book-1"].printed.offers} == {"9.99 EUR"}
    assert [remark.field for remark in seen["book-4"].printed.remarks] == ["offers.price"]
    (gone,) = (event for event in events if isinstance(event, BookWithdrawn))
    assert (gone.source_id, gone.reason) == ("book-1", "sold off")
    assert [reason.partition(":")[0] for reason in read_reasons(scraper)] == ["entry 4 has no title"]


def build_products(*numbers: int) -> Answer:
    products = [
        {"handle": f"p{n}", "title": f"Product {n}", "variants": [{"price": "9.99", "available": True}]}
        for n in numbers
    ]
    return Answer(gzip.compress(json.dumps({"products": products}).encode()), "application/gzip")


def test_numbered_pages_of_packed_json_are_read_until_an_empty_one(scraper: Scraper, tmp_path: Path) -> None:
    place = tmp_path / "sources" / "shop"
    place.mkdir(parents=True)
    answers = {
        "/products.json?limit=2": build_products(1, 2),
        "/products.json?limit=2&page=2": build_products(3),
        "/products.json?limit=2&page=3": build_products(),
    }
    with serve(answers) as url:
        (place / "source.toml").write_text(
            f'reader = "shopify"\nstart = {json.dumps([f"{url}products.json?limit=2"])}\ncurrency = "EUR"\n'
        )
        crawl = scraper.crawl(None, source="shop", sources=str(place.parent))
    assert (crawl.code, crawl.summary["books"], crawl.summary["pages"]) == (0, 3, 3), crawl.error
    events = [decode(record).event for record in scraper.read_records()]
    assert {event.source_id for event in events if isinstance(event, BookObservedV2)} == {"p1", "p2", "p3"}


def test_headers_of_a_source_carry_its_key_and_an_expired_one_withdraws_nothing(
    scraper: Scraper, tmp_path: Path
) -> None:
    place = tmp_path / "sources" / "shop"
    place.mkdir(parents=True)
    good, asked = {"Authorization": "Bearer s3cret"}, list[str]()
    answers = {
        "/products.json": replace(build_products(1, 2), needs=good, asked=asked),
        "/products.json?page=2": replace(build_products(3), needs=good, asked=asked),
        "/products.json?page=3": replace(build_products(), needs=good, asked=asked),
    }
    with serve(answers) as url:
        (place / "source.toml").write_text(
            f'reader = "shopify"\nstart = {json.dumps([f"{url}products.json"])}\ncurrency = "EUR"\n'
            '[headers]\nAuthorization = "Bearer ${key}"\n'
        )
        folder = str(place.parent)
        keyless = scraper.crawl(None, source="shop", sources=folder)
        assert keyless.code != 0
        assert "need a key; set BOOKSTREAM_SCRAPER_KEYS" in keyless.error
        assert asked == []
        first = scraper.crawl(None, source="shop", sources=folder, scraper_keys='{"shop": "s3cret"}')
        assert (first.code, first.summary["books"]) == (0, 3), first.error
        answers["/products.json?page=2"] = Answer(b"", status=401)
        second = scraper.crawl(None, source="shop", sources=folder, scraper_keys='{"shop": "s3cret"}')
        assert (second.summary["failed"], "401 Unauthorized" in second.error) == (1, True), second.summary
    assert not [r for r in scraper.read_records() if isinstance(decode(r).event, BookWithdrawn)]
    everything = b"".join(record.value or b"" for record in scraper.read_records())
    assert b"s3cret" not in everything


_OWN = """from booksources.reading import Link, Listing
from booksources.web_pages.elements import parse_html
from bookcore.domain.printed_listing import PrintedListing

def read(document, profile):
    kind, _, text = parse_html(document.body.read()).findtext(".//p").partition(" ")
    if kind == "more":
        yield Link("list", f"{document.url.rpartition('/')[0]}/{text}")
    else:
        yield Listing(kind, document.url, PrintedListing(title=text))
"""


def test_pages_that_state_nothing_are_read_by_the_page_py_of_the_source(
    scraper: Scraper, tmp_path: Path
) -> None:
    place = tmp_path / "sources" / "plain"
    place.mkdir(parents=True)
    answers = {
        "/start": Answer(b"<html><body><p>more lamp</p></body></html>"),
        "/lamp": Answer(b"<html><body><p>u1 The Lamp</p></body></html>"),
    }
    with serve(answers) as url:
        (place / "source.toml").write_text(
            f'reader = "page.py"\nstart = {json.dumps([f"{url}start"])}\nfollows_links = true\n'
        )
        (place / "page.py").write_text("def read(")
        broken = scraper.crawl(None, source="plain", sources=str(place.parent))
        assert broken.code != 0
        assert "page.py line 1" in broken.error
        (place / "page.py").write_text(_OWN)
        crawl = scraper.crawl(None, source="plain", sources=str(place.parent))
    assert (crawl.code, crawl.summary["books"]) == (0, 1), crawl.error
    (event,) = (decode(record).event for record in scraper.read_records())
    assert isinstance(event, BookObservedV2)
    assert (event.source_id, event.printed.title) == ("u1", "The Lamp")
