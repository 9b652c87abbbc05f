"""Every run of a source leaves its reports: what it did, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.scraper.site import serve
from tests.unit.scraper.test_gone import Shelf

from bookcore.event_log import open_event_log
from bookcore.events.codec import decode
from bookcore.events.crawl import RunOutcome, RunReported
from bookcore.events.topics import RUN

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import RunningShop, Scraper


def read_reports(scraper: Scraper) -> list[RunReported]:
    log = open_event_log(f"sqlite://{scraper.data}/log.db")
    found = [decode(record).event for record in log.read(RUN.name, 0, 0, 1_000)]
    log.close()
    return [event for event in found if isinstance(event, RunReported)]


def test_run_reports_its_begin_and_what_it_did(scraper: Scraper, shop: RunningShop) -> None:
    summary = scraper.crawl(shop.address, source="sample_shop").summary
    first, *_, last = read_reports(scraper)
    assert (first.outcome, first.ended_at, first.heard_until is None) == (RunOutcome.RUNNING, None, False)
    assert (last.outcome, last.reason, last.reader) == (
        RunOutcome.COMPLETE,
        None,
        "page objects books_toscrape",
    )
    assert (last.run, last.pages, last.books) == (summary["run"], summary["pages"], 25)
    assert (last.changes, last.unchanged, last.seen, last.expected) == (25, 0, 25, None)
    assert first.started_at <= first.reported_at <= last.reported_at == last.ended_at


def test_run_that_sees_less_than_80_percent_is_partial_and_says_so(scraper: Scraper) -> None:
    shelf = Shelf()
    shelf.show(range(10))
    with serve(shelf) as url:
        scraper.crawl(url)
        shelf.show(range(7))
        summary = scraper.crawl(url).summary
    last = read_reports(scraper)[-1]
    reason = "this run saw 7 of the 10 books of the last complete one"
    assert (summary["gone"], summary["fault"]) == (0, reason)
    assert (last.outcome, last.reason) == (RunOutcome.PARTIAL, reason)
    assert (last.seen, last.expected, last.gone) == (7, 10, 0)


def test_run_whose_process_is_killed_has_no_end_until_it_is_resumed(
    scraper: Scraper, shop: RunningShop
) -> None:
    scraper.kill_at("scraper.after_mark", shop.address)
    (killed,) = {report.run for report in read_reports(scraper)}
    assert {report.outcome for report in read_reports(scraper)} == {RunOutcome.RUNNING}
    scraper.crawl(shop.address)
    last = read_reports(scraper)[-1]
    assert (last.run, last.outcome, last.books) == (killed, RunOutcome.COMPLETE, 25)


def test_run_that_stops_early_says_why(scraper: Scraper, shop: RunningShop) -> None:
    shop.inject_fault("500", path="/")
    ran = scraper.crawl(shop.address, scraper_retries=0)
    last = read_reports(scraper)[-1]
    assert (ran.code, last.outcome, last.ended_at is None) == (1, RunOutcome.STOPPED, False)
    assert last.reason is not None
    assert last.reason in ran.error
