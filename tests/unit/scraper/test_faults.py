"""Sites that misbehave: what the crawl says, what it keeps, how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bookcore.domain.normalise import Rejected, normalise

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import RunningShop, Scraper

_BOOKS = "/catalogue/"


def test_unreachable_site_ends_the_crawl_with_one_line_and_code_3(scraper: Scraper) -> None:
    ran = scraper.crawl("http://127.0.0.1:9/", scraper_retries=0)
    assert ran.code == 3
    assert "cannot reach http://127.0.0.1:9/index.html: no connection to 127.0.0.1:9" in ran.error
    assert "Traceback" not in ran.error


def test_requests_are_retried_after_retry_after(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("429", path=_BOOKS, count=3)
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["published"], ran.summary["failed"]) == (0, 25, 0)


def test_permanently_failed_pages_are_counted_and_tried_in_the_next_run(
    shop: RunningShop, scraper: Scraper
) -> None:
    shop.inject_fault("500", path="/catalogue/category/books_1/")
    first = scraper.crawl(shop.address, scraper_retries=1)
    shop.clear_faults()
    second = scraper.crawl(shop.address)
    assert (first.code, first.summary["books"], first.summary["failed"]) == (0, 25, 1)
    assert "500 Internal Server Error" in first.error
    assert (second.summary["failed"], second.summary["resumed"]) == (0, False)
    assert second.summary["pages"] == first.summary["pages"] + 2


def test_page_that_is_too_large_is_refused(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("huge", path="/catalogue/category/books_1/index.html")
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["failed"], ran.summary["books"]) == (0, 1, 25)
    assert "the page is larger than 10,000,000 bytes" in ran.error


def test_page_that_times_out_fails(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("slow", path="/catalogue/category/books_1/index.html")
    ran = scraper.crawl(shop.address, scraper_timeout=0.5, scraper_retries=0)
    assert (ran.code, ran.summary["failed"], ran.summary["books"]) == (0, 1, 25)
    assert "no answer within 0.5 s" in ran.error


def test_redirect_into_the_private_network_is_refused(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("redirect-private", path="/catalogue/category/books_1/index.html")
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["failed"]) == (0, 1)
    assert "is outside of" in ran.error


def test_endless_page_is_refused(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("endless", path="/catalogue/category/books_1/index.html")
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["failed"], ran.summary["books"]) == (0, 1, 25)
    assert "the page is larger than" in ran.error


def test_truncated_page_makes_no_event(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("broken", path=_BOOKS, count=3)
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["published"], ran.summary["failed"]) == (0, 22, 3)
    assert "the page was cut short" in ran.error


def test_page_in_a_wrong_charset_is_published_and_rejected_by_the_ingestor(
    shop: RunningShop, scraper: Scraper
) -> None:
    shop.inject_fault("wrong-charset", share=0.2, path=_BOOKS)
    assert scraper.crawl(shop.address).code == 0
    verdicts = [normalise(event.origin, event.printed) for event in scraper.read_events()]
    refused = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
    assert len(verdicts) == 25
    assert {"price"} == {rejected.field for rejected in refused}


def test_book_without_a_price_is_read_again_in_full_next_time(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("missing-price", path=_BOOKS, count=2)
    first = scraper.crawl(shop.address)
    shop.clear_faults()
    second = scraper.crawl(shop.address)
    assert (first.code, first.summary["published"]) == (0, 25)
    assert second.summary["published"] == 2


def test_broken_extraction_stops_the_crawl(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("missing-price", path=_BOOKS)
    ran = scraper.crawl(shop.address)
    assert ran.code == 1
    assert "books_toscrape looks broken: 20 of 20 book pages lack required fields (last: price)" in ran.error
    assert len(scraper.read_records()) < 20


def test_unwritable_lake_ends_the_crawl_with_one_line_and_code_1(shop: RunningShop, scraper: Scraper) -> None:
    (scraper.data / "lake").mkdir(parents=True)
    (scraper.data / "lake" / "pages").touch()
    ran = scraper.crawl(shop.address, scraper_patience=0.3)
    assert ran.code == 1
    assert "the lake can't store" in ran.error
    assert "Traceback" not in ran.error
    (scraper.data / "lake" / "pages").unlink()
    assert scraper.crawl(shop.address).summary["books"] == 25


def test_invalid_url_ends_the_crawl_with_code_2(scraper: Scraper) -> None:
    ran = scraper.crawl("ftp://example.com/")
    assert ran.code == 2
    assert "must be an http or https URL" in ran.error


def test_error_on_the_start_page_ends_the_crawl_with_code_1(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("500", path="/index.html")
    ran = scraper.crawl(shop.address, scraper_retries=1)
    assert (ran.code, "500 Internal Server Error" in ran.error) == (1, True)


def test_timeout_on_the_start_page_of_a_responding_site_ends_the_crawl_with_code_1(
    shop: RunningShop, scraper: Scraper
) -> None:
    shop.inject_fault("slow", path="/index.html")
    assert scraper.crawl(shop.address, scraper_timeout=0.5, scraper_retries=0).code == 1
