"""What every frontier does, whatever it is made of; time is the store's own, so leases here are short."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from threading import Event

import pytest

from bookcore.domain.errors import Conflict
from bookcore.events.crawl import Action, CrawlCommand
from scraper.fleet.control import FleetControl, SourceMode, open_fleet
from scraper.frontier import (
    CrawlLimits,
    FinishedPage,
    Frontier,
    LeaseBatch,
    Page,
    PageKind,
    PageSnapshot,
    RunCounts,
    RunState,
    open_frontier,
)
from scraper.frontier.closing import IS_UNLISTED, PAGE_IS_GONE, RunClosing

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SITE, EXTRACTOR = "http://127.0.0.1/index.html", "shop/1"
KNOWN = PageSnapshot('"tag"', "Mon, 04 May 2026 12:00:00 GMT", "pages/aa/aa.zst", "hash")
SOURCE = "shop"


def begin(frontier: Frontier, *, site: str = SITE, extractor: str = EXTRACTOR) -> bool:
    """Whether the run was resumed."""
    return frontier.begin_run(site=site, extractor=extractor, now=NOW).is_resumed


def urls(pages: Sequence[Page]) -> list[str]:
    return [page.url for page in pages]


def finish(frontier: Frontier, pages: Sequence[Page], *, known: PageSnapshot | None = KNOWN) -> int:
    return frontier.finish_pages(
        [FinishedPage(page, known, is_published=True) for page in pages], next_segment=1
    )


def until_leased(frontier: Frontier, *, limit: int = 9) -> LeaseBatch:
    """Ask until pages come; at most 10 s."""
    deadline, pause = time.monotonic() + 10, Event()
    while not (leased := frontier.lease_pages(limit)).pages:
        assert time.monotonic() < deadline
        pause.wait(0.02)
    return leased


class FrontierContract:
    """Subclass it and give `url` for a frontier that is empty."""

    @pytest.fixture
    def opened(self, url: str) -> Iterator[Callable[[CrawlLimits], Frontier]]:
        """Opens the frontier, as a new process would; all are closed at the end."""
        frontiers: list[Frontier] = []

        def open_one(bounds: CrawlLimits) -> Frontier:
            frontiers.append(open_frontier(url, SOURCE, bounds))
            return frontiers[-1]

        yield open_one
        for frontier in frontiers:
            frontier.close()

    @pytest.fixture
    def frontier(self, opened: Callable[[CrawlLimits], Frontier]) -> Frontier:
        """With a run under way and two books known."""
        frontier = opened(CrawlLimits(host="a"))
        begin(frontier)
        frontier.add_pages(PageKind.BOOK, ["http://a/1", "http://a/2"], depth=1)
        return frontier

    @pytest.fixture
    def fleet(self, url: str) -> Iterator[FleetControl]:
        with closing(open_fleet(url)) as fleet:
            yield fleet

    @contextmanager
    def bounded(self, opened: Callable[[CrawlLimits], Frontier], bounds: CrawlLimits) -> Iterator[Frontier]:
        """A run with nine books known."""
        frontier = opened(bounds)
        begin(frontier)
        frontier.add_pages(PageKind.BOOK, [f"http://a/{number}" for number in range(9)], depth=1)
        yield frontier

    def command(self, fleet: FleetControl, action: Action) -> CrawlCommand:
        command = CrawlCommand.issue(action, SOURCE, url=None, issued_by="test")
        assert fleet.apply(command)
        return command

    def test_the_site_of_the_last_run_is_known(self, opened: Callable[[CrawlLimits], Frontier]) -> None:
        frontier = opened(CrawlLimits(host="a"))
        assert frontier.read_site() is None
        begin(frontier)
        assert frontier.read_site() == SITE

    def test_pages_are_leased_in_the_order_of_discovery(self, frontier: Frontier) -> None:
        assert urls(frontier.lease_pages(9).pages) == ["http://a/1", "http://a/2"]

    def test_three_listings_go_ahead_of_each_book(self, frontier: Frontier) -> None:
        frontier.add_pages(PageKind.LISTING, ["l1", "l2", "l3", "l4"], depth=1)
        assert urls(frontier.lease_pages(9).pages) == ["l1", "l2", "l3", "http://a/1", "l4", "http://a/2"]

    def test_page_is_leased_once(self, frontier: Frontier) -> None:
        assert len(frontier.lease_pages(9).pages) == 2
        again = frontier.lease_pages(9)
        assert (again.state, again.pages) == (RunState.ACTIVE, [])

    def test_many_pages_are_leased_once_each(self, frontier: Frontier) -> None:
        wanted = [f"http://b/{number}" for number in range(1_000)]
        frontier.add_pages(PageKind.BOOK, wanted, depth=1)
        found: list[str] = []
        while pages := frontier.lease_pages(300).pages:
            found += urls(pages)
        assert found == ["http://a/1", "http://a/2", *wanted]

    def test_known_page_is_not_added_again(self, frontier: Frontier) -> None:
        assert frontier.add_pages(PageKind.BOOK, ["http://a/2", "http://a/3"], depth=5) == 1
        assert frontier.read_status().discovered == 3

    def test_pages_added_late_are_leased(self, frontier: Frontier) -> None:
        frontier.lease_pages(9)
        frontier.add_pages(PageKind.LISTING, ["l1"], depth=3)
        page = frontier.lease_pages(9).pages[0]
        assert (page.url, page.kind, page.depth) == ("l1", PageKind.LISTING, 3)

    def test_finished_page_is_counted_and_not_leased_again(self, frontier: Frontier) -> None:
        assert finish(frontier, frontier.lease_pages(1).pages) == 0
        standing = frontier.read_status()
        assert (standing.counts, standing.queued, standing.leased) == (RunCounts(1, 1, 1, 0), 1, 0)
        assert urls(frontier.lease_pages(9).pages) == ["http://a/2"]

    def test_remarks_and_refused_records_of_finished_pages_add_up(self, frontier: Frontier) -> None:
        pages = frontier.lease_pages(9).pages
        done = [FinishedPage(page, KNOWN, is_published=True, remarks=2, refused=1) for page in pages]
        frontier.finish_pages(done, next_segment=1)
        counts = frontier.read_status().counts
        assert (counts.remarks, counts.refused) == (2 * len(pages), len(pages))

    def test_feed_has_seen_the_books_that_it_shows(self, frontier: Frontier) -> None:
        site = "http://feed/"
        frontier.begin_run(site=site, extractor=EXTRACTOR, now=NOW)
        frontier.add_pages(PageKind.LISTING, [site], depth=0)
        (page,) = frontier.lease_pages(9).pages
        frontier.finish_pages([FinishedPage(page, KNOWN, is_published=True, shown=40)], next_segment=1)
        closing = frontier.close_run(now=NOW, is_limited=False)
        assert closing is not None
        assert (closing.seen, closing.is_reference) == (40, True)

    def test_run_is_drained_when_no_page_is_queued_or_leased(self, frontier: Frontier) -> None:
        pages = frontier.lease_pages(9).pages
        assert not frontier.finish_run(now=NOW)
        finish(frontier, pages)
        assert frontier.lease_pages(9).state is RunState.DRAINED
        assert [frontier.finish_run(now=NOW), frontier.finish_run(now=NOW)] == [True, False]

    def test_next_run_covers_all_pages_with_their_snapshots(self, frontier: Frontier) -> None:
        finish(frontier, frontier.lease_pages(9).pages)
        frontier.finish_run(now=NOW)
        assert frontier.lease_pages(9).state is RunState.FINISHED
        assert not begin(frontier)
        assert [page.snapshot for page in frontier.lease_pages(9).pages] == [KNOWN, KNOWN]

    def test_finish_without_a_snapshot_keeps_the_stored_one(self, frontier: Frontier) -> None:
        for known in (KNOWN, None):
            finish(frontier, frontier.lease_pages(9).pages, known=known)
            frontier.finish_run(now=NOW)
            begin(frontier)
        assert frontier.lease_pages(1).pages[0].snapshot == KNOWN

    def test_expired_lease_is_granted_again_and_fences_the_first_holder(
        self, opened: Callable[[CrawlLimits], Frontier]
    ) -> None:
        with self.bounded(opened, CrawlLimits(host="a", lease_seconds=0.2)) as frontier:
            zombie = frontier.lease_pages(9).pages
            heir = until_leased(frontier).pages
            assert urls(heir) == urls(zombie)
            assert finish(frontier, zombie) == 9
            frontier.fail_page(zombie[0], "too late")
            assert (frontier.read_status().counts.pages, frontier.list_failures()) == (0, [])
            assert finish(frontier, heir) == 0
            assert finish(frontier, heir) == 9
            assert (frontier.read_status().counts.pages, frontier.read_status().stale) == (9, 19)

    def test_renewed_lease_does_not_expire(self, opened: Callable[[CrawlLimits], Frontier]) -> None:
        with self.bounded(opened, CrawlLimits(host="a", lease_seconds=0.4)) as frontier:
            pages = frontier.lease_pages(9).pages
            pause = Event()
            for _ in range(8):
                pause.wait(0.1)
                assert frontier.renew_leases(pages[:4]).lost == []
            assert urls(frontier.lease_pages(9).pages) == urls(pages[4:])
            assert list(frontier.renew_leases(pages).lost) == list(pages[4:])

    def test_released_pages_are_leased_again_at_once(self, frontier: Frontier) -> None:
        pages = frontier.lease_pages(9).pages
        frontier.release_pages(pages[1:])
        again = frontier.lease_pages(9).pages
        assert urls(again) == urls(pages[1:])
        assert (finish(frontier, pages[1:]), finish(frontier, again)) == (1, 0)

    def test_failed_page_keeps_its_reason_and_is_queued_in_the_next_process(
        self, frontier: Frontier, opened: Callable[[CrawlLimits], Frontier]
    ) -> None:
        pages = frontier.lease_pages(9).pages
        frontier.fail_page(pages[0], "404 Not | Found")
        assert (frontier.list_failures(), frontier.read_status().failed) == (
            [("http://a/1", "404 Not | Found")],
            1,
        )
        assert frontier.lease_pages(9).pages == []
        frontier.release_pages(pages)
        frontier.close()
        heir = opened(CrawlLimits(host="a"))
        assert begin(heir)
        assert sorted(urls(heir.lease_pages(9).pages)) == ["http://a/1", "http://a/2"]
        assert heir.read_status().failed == 0

    def test_new_extractor_discards_snapshots(self, frontier: Frontier) -> None:
        finish(frontier, frontier.lease_pages(9).pages)
        frontier.release_pages([])
        assert not begin(frontier, extractor="shop/2")
        assert {page.snapshot for page in frontier.lease_pages(9).pages} == {
            PageSnapshot(body_key=KNOWN.body_key)
        }

    def test_another_copy_of_the_site_discards_all_pages(self, frontier: Frontier) -> None:
        frontier.release_pages([])
        assert not begin(frontier, site="http://127.0.0.1:1/")
        assert (frontier.read_status().discovered, frontier.lease_pages(9).state) == (0, RunState.DRAINED)

    def test_run_is_limited_to_max_pages(self, opened: Callable[[CrawlLimits], Frontier]) -> None:
        with self.bounded(opened, CrawlLimits(host="a", max_pages=4)) as frontier:
            pages = frontier.lease_pages(9).pages
            assert len(pages) == 4
            finish(frontier, pages)
            last = frontier.lease_pages(9)
            assert (last.state, last.is_limited, frontier.finish_run(now=NOW)) == (
                RunState.DRAINED,
                True,
                True,
            )

    def test_slots_of_a_paced_host_are_spaced_and_reserved_shortly_before(
        self, opened: Callable[[CrawlLimits], Frontier]
    ) -> None:
        with self.bounded(opened, CrawlLimits(host="a", host_rate=5)) as frontier:
            first = frontier.lease_pages(9)
            assert [page.slot_delay for page in first.pages] == pytest.approx([0.0, 0.2, 0.4])
            more = frontier.lease_pages(9)
            assert (more.pages, 0 < more.retry_after < 0.2) == ([], True)
            assert 0.5 < frontier.reserve_slot() <= 0.6
            assert 0.7 < frontier.reserve_slot() <= 0.8

    def test_leased_pages_of_a_host_are_limited_by_its_concurrency(
        self, opened: Callable[[CrawlLimits], Frontier]
    ) -> None:
        with self.bounded(opened, CrawlLimits(host="a", host_concurrency=4)) as frontier:
            pages = frontier.lease_pages(3).pages
            assert len(frontier.lease_pages(9).pages) == 1
            assert frontier.lease_pages(9).pages == []
            finish(frontier, pages[:2])
            assert len(frontier.lease_pages(9).pages) == 2

    def test_held_host_gets_no_requests(self, opened: Callable[[CrawlLimits], Frontier]) -> None:
        with self.bounded(opened, CrawlLimits(host="a")) as frontier:
            frontier.hold_host(2)
            frontier.hold_host(0.1)
            held = frontier.lease_pages(9)
            assert held.pages == []
            assert 1 < held.host_hold <= 2
            assert 1 < held.retry_after <= 1.5
            assert 1 < frontier.renew_leases([]).host_hold <= 2

    def test_crawl_delay_paces_the_host(self, opened: Callable[[CrawlLimits], Frontier]) -> None:
        with self.bounded(opened, CrawlLimits(host="a")) as frontier:
            frontier.set_crawl_delay(0.25)
            assert [page.slot_delay for page in frontier.lease_pages(9).pages] == pytest.approx(
                [0, 0.25, 0.5]
            )
            frontier.set_crawl_delay(0)
            assert len(frontier.lease_pages(9).pages) == 6

    def test_command_is_applied_once(self, fleet: FleetControl) -> None:
        first = self.command(fleet, Action.START)
        self.command(fleet, Action.STOP)
        assert not fleet.apply(first)
        assert fleet.read_source(SOURCE).mode is SourceMode.STOPPED

    def test_paused_source_leases_nothing_until_it_is_resumed(
        self, frontier: Frontier, fleet: FleetControl
    ) -> None:
        self.command(fleet, Action.START)
        self.command(fleet, Action.PAUSE)
        paused = frontier.lease_pages(9)
        assert (paused.state, list(paused.pages)) == (RunState.PAUSED, [])
        with pytest.raises(Conflict, match="resume"):
            begin(frontier)
        self.command(fleet, Action.RESUME)
        assert len(frontier.lease_pages(9).pages) == 2

    def test_stop_command_finishes_the_run_early(self, frontier: Frontier, fleet: FleetControl) -> None:
        self.command(fleet, Action.START)
        pages = frontier.lease_pages(1).pages
        self.command(fleet, Action.STOP)
        assert frontier.lease_pages(9).state is RunState.FINISHED
        assert finish(frontier, pages) == 0
        assert not begin(frontier)
        assert {page.snapshot for page in frontier.lease_pages(9).pages} == {KNOWN, PageSnapshot()}

    def test_backfill_discards_all_snapshots(self, frontier: Frontier, fleet: FleetControl) -> None:
        pages = frontier.lease_pages(9).pages
        finish(frontier, pages[:1])
        self.command(fleet, Action.BACKFILL)
        assert frontier.lease_pages(9).state is RunState.FINISHED
        finish(frontier, pages[1:])
        assert not begin(frontier)
        assert {page.snapshot for page in frontier.lease_pages(9).pages} == {
            PageSnapshot(body_key=KNOWN.body_key)
        }

    def run_once(
        self, frontier: Frontier, listed: Sequence[str], *, missing: Sequence[str] = (), limited: bool = False
    ) -> RunClosing:
        """A run in which these books are listed, and those pages are not found."""
        begin(frontier)
        frontier.add_pages(PageKind.BOOK, listed, depth=1)
        while pages := frontier.lease_pages(99).pages:
            finish(frontier, [page for page in pages if page.url not in missing])
            for page in pages:
                if page.url in missing:
                    frontier.fail_page(page, "404 Not Found", is_missing=True)
        closing = frontier.close_run(now=NOW, is_limited=limited)
        assert closing is not None
        assert frontier.finish_run(now=NOW, closing=closing)
        return closing

    @pytest.fixture
    def shelf(self, opened: Callable[[CrawlLimits], Frontier]) -> tuple[Frontier, list[str]]:
        """A complete run of ten books."""
        frontier, books = opened(CrawlLimits(host="a")), [f"http://a/{number}" for number in range(10)]
        closing = self.run_once(frontier, books)
        assert (closing.seen, closing.expected, closing.gone) == (10, None, ())
        return frontier, books

    def test_page_that_two_runs_do_not_find_is_gone(self, shelf: tuple[Frontier, list[str]]) -> None:
        frontier, books = shelf
        assert self.run_once(frontier, books, missing=books[:1]).gone == ()
        (gone,) = self.run_once(frontier, books, missing=books[:1]).gone
        assert (gone.url, gone.body_key, gone.reason) == (books[0], KNOWN.body_key, PAGE_IS_GONE)
        assert frontier.read_status().discovered == 9

    def test_page_that_is_found_again_is_not_gone(self, shelf: tuple[Frontier, list[str]]) -> None:
        frontier, books = shelf
        for missing in (books[:1], [], books[:1]):
            assert self.run_once(frontier, books, missing=missing).gone == ()

    def test_page_that_fails_twice_in_one_run_is_missing_once(
        self, shelf: tuple[Frontier, list[str]], opened: Callable[[CrawlLimits], Frontier]
    ) -> None:
        frontier, books = shelf
        begin(frontier)
        page = frontier.lease_pages(1).pages[0]
        frontier.fail_page(page, "404 Not Found", is_missing=True)
        frontier.release_pages([])
        frontier.close()
        assert self.run_once(opened(CrawlLimits(host="a")), books, missing=[page.url]).gone == ()

    def test_book_that_two_complete_runs_do_not_list_is_gone(self, shelf: tuple[Frontier, list[str]]) -> None:
        frontier, books = shelf
        assert self.run_once(frontier, books[1:]).gone == ()
        assert self.run_once(frontier, books[1:], limited=True).gone == ()
        (gone,) = self.run_once(frontier, books[1:]).gone
        assert (gone.url, gone.reason) == (books[0], IS_UNLISTED)

    def test_forgotten_page_is_new_when_it_is_listed_again(self, shelf: tuple[Frontier, list[str]]) -> None:
        frontier, books = shelf
        for _ in range(2):
            self.run_once(frontier, books[1:])
        begin(frontier)
        assert frontier.add_pages(PageKind.BOOK, books, depth=1) == 1
        pages = frontier.lease_pages(99).pages
        assert [page.snapshot for page in pages if page.url == books[0]] == [PageSnapshot()]
        assert frontier.read_status().discovered == 10

    def test_listing_that_failed_makes_a_run_incomplete(self, shelf: tuple[Frontier, list[str]]) -> None:
        frontier, _ = shelf
        for _ in range(2):
            begin(frontier)
            frontier.add_pages(PageKind.LISTING, ["http://a/list"], depth=0)
            for page in frontier.lease_pages(99).pages:
                if page.kind is PageKind.LISTING:
                    frontier.fail_page(page, "500 Internal Server Error")
                else:
                    finish(frontier, [page])
            closing = frontier.close_run(now=NOW, is_limited=False)
            assert closing is not None
            assert (closing.is_complete, closing.gone) == (False, ())
            frontier.finish_run(now=NOW, closing=closing)

    def test_run_that_sees_less_than_80_percent_forgets_nothing(
        self, shelf: tuple[Frontier, list[str]]
    ) -> None:
        frontier, books = shelf
        closings = [self.run_once(frontier, books[3:], missing=books[:3]) for _ in range(3)]
        assert [(each.seen, each.expected, each.covers_enough) for each in closings] == [(7, 10, False)] * 3
        assert (len(closings[-1].gone), closings[-1].forgotten) == (3, ())
        assert frontier.read_status().discovered == 10

    def test_closing_has_one_moment_until_a_page_is_finished(self, frontier: Frontier) -> None:
        later = NOW.replace(hour=13)
        pages = frontier.lease_pages(9).pages
        assert frontier.close_run(now=NOW, is_limited=False) is None
        finish(frontier, pages)
        moments = []
        for now in (NOW, later):
            closing = frontier.close_run(now=now, is_limited=False)
            assert closing is not None
            moments.append(closing.moment)
        assert moments == [NOW, NOW]
        frontier.finish_run(now=later)
        assert frontier.close_run(now=later, is_limited=False) is None

    def test_source_is_idle_after_its_run_is_finished(self, frontier: Frontier, fleet: FleetControl) -> None:
        assert fleet.read_source(SOURCE).mode is SourceMode.IDLE
        self.command(fleet, Action.START)
        assert fleet.read_source(SOURCE).mode is SourceMode.RUNNING
        finish(frontier, frontier.lease_pages(9).pages)
        frontier.finish_run(now=NOW)
        told = fleet.read_source(SOURCE)
        assert (told.mode, told.status.counts) == (SourceMode.IDLE, RunCounts(2, 2, 2, 0))
