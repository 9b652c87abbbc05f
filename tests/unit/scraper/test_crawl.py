"""The crawl as its user sees it: what it prints, what it leaves behind, what a second one does."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from bookcore.domain.book import Book
from bookcore.domain.normalise import normalise
from bookcore.lake import open_lake
from bookcore.lake.layout import make_page_key, unpack_page

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import RunningShop, Scraper


def test_first_crawl_publishes_every_book_once(shop: RunningShop, scraper: Scraper) -> None:
    ran = scraper.crawl(shop.address)
    assert ran.code == 0, ran.error
    summary = {name: ran.summary[name] for name in ("books", "published", "unchanged", "failed", "resumed")}
    assert summary == {"books": 25, "published": 25, "unchanged": 0, "failed": 0, "resumed": False}
    assert len(scraper.read_records()) == 25
    assert ran.error == ""


def test_every_observation_is_valid_and_names_its_stored_page(shop: RunningShop, scraper: Scraper) -> None:
    scraper.crawl(shop.address)
    lake = open_lake(f"file://{scraper.data}/lake")
    for event in scraper.read_events():
        assert isinstance(normalise(event.origin, event.printed), Book)
        assert event.page == make_page_key(unpack_page(lake.get(event.page or "")))


def test_progress_has_the_printed_total_and_never_decreases(shop: RunningShop, scraper: Scraper) -> None:
    lines = scraper.crawl(shop.address).lines[:-1]
    assert {line["event"] for line in lines} == {"progress"}
    assert [line["pages"] for line in lines] == sorted(line["pages"] for line in lines)
    assert lines[-1]["total_books"] == 25


def test_ledger_holds_one_line_for_each_acknowledged_event(shop: RunningShop, scraper: Scraper) -> None:
    scraper.crawl(shop.address)
    told = {
        (line["event_id"], line["key"], line["version"], line["content_hash"])
        for line in scraper.read_ledger()
    }
    kept = {
        (event.event_id, event.key, str(event.version), event.content_hash) for event in scraper.read_events()
    }
    assert told == kept
    assert len(scraper.read_ledger()) == 25


def test_second_crawl_of_an_unchanged_site_gets_304_and_publishes_nothing(
    shop: RunningShop, scraper: Scraper
) -> None:
    first = scraper.crawl(shop.address)
    before = shop.count_by_status().get("304", 0)
    second = scraper.crawl(shop.address)
    assert (second.code, second.summary["published"], second.summary["unchanged"]) == (0, 0, 25)
    assert second.summary["pages"] == first.summary["pages"] == shop.count_by_status()["304"] - before
    assert second.summary["run"] != first.summary["run"]
    assert len(scraper.read_records()) == 25


@pytest.mark.parametrize("page", ["http://127.0.0.1:9/", "{shop}no/such/page.html"])
def test_another_site_that_cannot_be_reached_does_not_discard_what_is_known(
    shop: RunningShop, scraper: Scraper, page: str
) -> None:
    scraper.crawl(shop.address)
    ran = scraper.crawl(page.format(shop=shop.address))
    assert (ran.code, "are kept" in ran.error) == (3, True)
    again = scraper.crawl(shop.address)
    assert (again.code, again.summary["published"], again.summary["unchanged"]) == (0, 0, 25)
    assert len(scraper.read_records()) == 25


def test_crawl_after_changes_publishes_exactly_the_changed_books(shop: RunningShop, scraper: Scraper) -> None:
    scraper.crawl(shop.address)
    changed = shop.change_books(7)
    assert scraper.crawl(shop.address).summary["published"] == len(changed)
    again = [event.url for event in scraper.read_events()]
    assert {url for url in again if again.count(url) == 2} == changed


def test_listing_missing_from_the_lake_is_fetched_in_full(shop: RunningShop, scraper: Scraper) -> None:
    scraper.crawl(shop.address)
    for page in (scraper.data / "lake" / "pages").rglob("*.zst"):
        page.unlink()
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["books"], ran.summary["failed"]) == (0, 25, 0)


def test_listing_damaged_in_the_lake_is_fetched_in_full(shop: RunningShop, scraper: Scraper) -> None:
    scraper.crawl(shop.address)
    for page in (scraper.data / "lake" / "pages").rglob("*.zst"):
        page.chmod(0o644)
        page.write_bytes(b"damaged")
    ran = scraper.crawl(shop.address)
    assert (ran.code, ran.summary["books"], ran.summary["failed"]) == (0, 25, 0)


def test_signal_stops_the_crawl_in_order_and_the_next_one_resumes(
    shop: RunningShop, scraper: Scraper
) -> None:
    shop.inject_fault("slow", path="/catalogue/category/", count=1)
    process = scraper.start(shop.address, scraper_timeout=3)
    assert process.stdout is not None
    while '"books": 25' not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    stopped = scraper.wait(process)
    shop.clear_faults()
    after = scraper.crawl(shop.address)
    assert stopped.code == 130
    assert stopped.error.startswith("stopped by a signal")
    assert (after.code, after.summary["resumed"], after.summary["books"]) == (0, True, 25)
    assert len(scraper.read_records()) == 25


def test_another_crawl_of_the_same_source_is_refused(shop: RunningShop, scraper: Scraper) -> None:
    shop.inject_fault("slow", path="/index.html", count=1)
    first = scraper.start(shop.address, scraper_timeout=30)
    assert first.stdout is not None
    first.stdout.readline()
    second = scraper.crawl(shop.address)
    first.kill()
    scraper.wait(first)
    assert second.code == 1
    assert "another crawl holds" in second.error


def test_max_pages_bounds_a_run(shop: RunningShop, scraper: Scraper) -> None:
    ran = scraper.crawl(shop.address, scraper_max_pages=10)
    assert (ran.code, ran.summary["pages"], ran.summary["limited"]) == (0, 10, True)
