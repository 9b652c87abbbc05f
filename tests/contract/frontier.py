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
from scraper.fleet.control import Fleet, Mode, open_fleet
from scraper.frontier import (
    Bounds,
    Counts,
    Finished,
    Frontier,
    Kind,
    Known,
    Leased,
    Page,
    State,
    open_frontier,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SITE, EXTRACTOR = "http://127.0.0.1/index.html", "shop/1"
KNOWN = Known('"tag"', "Mon, 04 May 2026 12:00:00 GMT", "pages/aa/aa.zst", "hash")
SOURCE = "shop"


def begin(frontier: Frontier, *, site: str = SITE, extractor: str = EXTRACTOR) -> bool:
    """Whether the run was resumed."""
    return frontier.begin(site=site, extractor=extractor, now=NOW).resumed


def urls(pages: Sequence[Page]) -> list[str]:
    return [page.url for page in pages]


def finish(frontier: Frontier, pages: Sequence[Page], *, known: Known | None = KNOWN) -> int:
    return frontier.finish_pages([Finished(page, known, published=True) for page in pages], sequence=1)


def until_leased(frontier: Frontier, *, limit: int = 9) -> Leased:
    """Ask until pages come; at most 10 s."""
    deadline, pause = time.monotonic() + 10, Event()
    while not (leased := frontier.lease(limit)).pages:
        assert time.monotonic() < deadline
        pause.wait(0.02)
    return leased


class FrontierContract:
    """Subclass it and give `url` for a frontier that is empty."""

    @pytest.fixture
    def opened(self, url: str) -> Iterator[Callable[[Bounds], Frontier]]:
        """Opens the frontier, as a new process would; all are closed at the end."""
        frontiers: list[Frontier] = []

        def open_one(bounds: Bounds) -> Frontier:
            frontiers.append(open_frontier(url, SOURCE, bounds))
            return frontiers[-1]

        yield open_one
        for frontier in frontiers:
            frontier.close()

    @pytest.fixture
    def frontier(self, opened: Callable[[Bounds], Frontier]) -> Frontier:
        """With a run under way and two books known."""
        frontier = opened(Bounds(host="a"))
        begin(frontier)
        frontier.add(Kind.BOOK, ["http://a/1", "http://a/2"], depth=1)
        return frontier

    @pytest.fixture
    def fleet(self, url: str) -> Iterator[Fleet]:
        with closing(open_fleet(url)) as fleet:
            yield fleet

    @contextmanager
    def bounded(self, opened: Callable[[Bounds], Frontier], bounds: Bounds) -> Iterator[Frontier]:
        """A run with nine books known."""
        frontier = opened(bounds)
        begin(frontier)
        frontier.add(Kind.BOOK, [f"http://a/{number}" for number in range(9)], depth=1)
        yield frontier

    def command(self, fleet: Fleet, action: Action) -> CrawlCommand:
        command = CrawlCommand.issue(action, SOURCE, url=None, issued_by="test")
        assert fleet.apply(command)
        return command

    def test_pages_are_handed_out_in_the_order_of_discovery(self, frontier: Frontier) -> None:
        assert urls(frontier.lease(9).pages) == ["http://a/1", "http://a/2"]

    def test_three_listings_go_ahead_of_each_book(self, frontier: Frontier) -> None:
        frontier.add(Kind.LISTING, ["l1", "l2", "l3", "l4"], depth=1)
        assert urls(frontier.lease(9).pages) == ["l1", "l2", "l3", "http://a/1", "l4", "http://a/2"]

    def test_a_page_is_handed_out_once(self, frontier: Frontier) -> None:
        assert len(frontier.lease(9).pages) == 2
        again = frontier.lease(9)
        assert (again.state, again.pages) == (State.GOING, [])

    def test_many_pages_are_handed_out_once_each(self, frontier: Frontier) -> None:
        wanted = [f"http://b/{number}" for number in range(1_000)]
        frontier.add(Kind.BOOK, wanted, depth=1)
        found: list[str] = []
        while pages := frontier.lease(300).pages:
            found += urls(pages)
        assert found == ["http://a/1", "http://a/2", *wanted]

    def test_a_page_that_is_known_is_not_added_again(self, frontier: Frontier) -> None:
        assert frontier.add(Kind.BOOK, ["http://a/2", "http://a/3"], depth=5) == 1
        assert frontier.standing().known == 3

    def test_pages_discovered_late_are_handed_out_too(self, frontier: Frontier) -> None:
        frontier.lease(9)
        frontier.add(Kind.LISTING, ["l1"], depth=3)
        page = frontier.lease(9).pages[0]
        assert (page.url, page.kind, page.depth) == ("l1", Kind.LISTING, 3)

    def test_what_is_done_is_counted_and_waits_no_more(self, frontier: Frontier) -> None:
        assert finish(frontier, frontier.lease(1).pages) == 0
        standing = frontier.standing()
        assert (standing.counts, standing.queued, standing.leased) == (Counts(1, 1, 1, 0), 1, 0)
        assert urls(frontier.lease(9).pages) == ["http://a/2"]

    def test_the_run_is_drained_when_nothing_waits_and_nothing_is_leased(self, frontier: Frontier) -> None:
        pages = frontier.lease(9).pages
        assert not frontier.end(now=NOW)
        finish(frontier, pages)
        assert frontier.lease(9).state is State.DRAINED
        assert [frontier.end(now=NOW), frontier.end(now=NOW)] == [True, False]

    def test_a_finished_run_is_followed_by_one_over_everything_that_remembers(
        self, frontier: Frontier
    ) -> None:
        finish(frontier, frontier.lease(9).pages)
        frontier.end(now=NOW)
        assert frontier.lease(9).state is State.OVER
        assert not begin(frontier)
        assert [page.known for page in frontier.lease(9).pages] == [KNOWN, KNOWN]

    def test_a_304_leaves_what_is_known(self, frontier: Frontier) -> None:
        for known in (KNOWN, None):
            finish(frontier, frontier.lease(9).pages, known=known)
            frontier.end(now=NOW)
            begin(frontier)
        assert frontier.lease(1).pages[0].known == KNOWN

    def test_a_lease_that_ran_out_goes_to_another_and_fences_the_first(
        self, opened: Callable[[Bounds], Frontier]
    ) -> None:
        with self.bounded(opened, Bounds(host="a", lease=0.2)) as frontier:
            zombie = frontier.lease(9).pages
            heir = until_leased(frontier).pages
            assert urls(heir) == urls(zombie)
            assert finish(frontier, zombie) == 9
            frontier.fail(zombie[0], "too late")
            assert (frontier.standing().counts.pages, frontier.failures()) == (0, [])
            assert finish(frontier, heir) == 0
            assert finish(frontier, heir) == 9
            assert (frontier.standing().counts.pages, frontier.standing().stale) == (9, 19)

    def test_a_lease_that_is_renewed_stays(self, opened: Callable[[Bounds], Frontier]) -> None:
        with self.bounded(opened, Bounds(host="a", lease=0.4)) as frontier:
            pages = frontier.lease(9).pages
            pause = Event()
            for _ in range(8):
                pause.wait(0.1)
                assert frontier.renew(pages[:4]).lost == []
            assert urls(frontier.lease(9).pages) == urls(pages[4:])
            assert list(frontier.renew(pages).lost) == list(pages[4:])

    def test_pages_that_are_given_back_go_to_another_at_once(self, frontier: Frontier) -> None:
        pages = frontier.lease(9).pages
        frontier.give_back(pages[1:])
        again = frontier.lease(9).pages
        assert urls(again) == urls(pages[1:])
        assert (finish(frontier, pages[1:]), finish(frontier, again)) == (1, 0)

    def test_a_failed_page_keeps_its_reason_and_waits_in_the_next_process(
        self, frontier: Frontier, opened: Callable[[Bounds], Frontier]
    ) -> None:
        pages = frontier.lease(9).pages
        frontier.fail(pages[0], "404 Not | Found")
        assert (frontier.failures(), frontier.standing().failed) == ([("http://a/1", "404 Not | Found")], 1)
        assert frontier.lease(9).pages == []
        frontier.give_back(pages)
        frontier.close()
        heir = opened(Bounds(host="a"))
        assert begin(heir)
        assert sorted(urls(heir.lease(9).pages)) == ["http://a/1", "http://a/2"]
        assert heir.standing().failed == 0

    def test_another_extractor_reads_everything_anew(self, frontier: Frontier) -> None:
        finish(frontier, frontier.lease(9).pages)
        frontier.give_back([])
        assert not begin(frontier, extractor="shop/2")
        assert {page.known for page in frontier.lease(9).pages} == {Known(body=KNOWN.body)}

    def test_another_copy_of_the_site_begins_with_nothing_known(self, frontier: Frontier) -> None:
        frontier.give_back([])
        assert not begin(frontier, site="http://127.0.0.1:1/")
        assert (frontier.standing().known, frontier.lease(9).state) == (0, State.DRAINED)

    def test_a_run_has_no_more_pages_than_it_may(self, opened: Callable[[Bounds], Frontier]) -> None:
        with self.bounded(opened, Bounds(host="a", most=4)) as frontier:
            pages = frontier.lease(9).pages
            assert len(pages) == 4
            finish(frontier, pages)
            last = frontier.lease(9)
            assert (last.state, last.limited, frontier.end(now=NOW)) == (State.DRAINED, True, True)

    def test_slots_of_a_paced_host_are_apart_and_given_out_only_shortly_before(
        self, opened: Callable[[Bounds], Frontier]
    ) -> None:
        with self.bounded(opened, Bounds(host="a", rate=5)) as frontier:
            first = frontier.lease(9)
            assert [page.due for page in first.pages] == pytest.approx([0.0, 0.2, 0.4])
            more = frontier.lease(9)
            assert (more.pages, 0 < more.wait < 0.2) == ([], True)
            assert 0.5 < frontier.ask_host(slot=True) <= 0.6
            assert 0.7 < frontier.ask_host(slot=True) <= 0.8

    def test_no_more_pages_of_a_host_are_leased_at_a_time_than_may_be(
        self, opened: Callable[[Bounds], Frontier]
    ) -> None:
        with self.bounded(opened, Bounds(host="a", at_a_time=4)) as frontier:
            pages = frontier.lease(3).pages
            assert len(frontier.lease(9).pages) == 1
            assert frontier.lease(9).pages == []
            finish(frontier, pages[:2])
            assert len(frontier.lease(9).pages) == 2

    def test_a_host_that_wants_to_be_left_alone_is(self, opened: Callable[[Bounds], Frontier]) -> None:
        with self.bounded(opened, Bounds(host="a")) as frontier:
            frontier.ask_host(hold=2)
            frontier.ask_host(hold=0.1)
            held = frontier.lease(9)
            assert held.pages == []
            assert 1 < held.hold <= 2
            assert 1 < held.wait <= 1.5
            assert 1 < frontier.renew([]).hold <= 2

    def test_a_crawl_delay_paces_the_host(self, opened: Callable[[Bounds], Frontier]) -> None:
        with self.bounded(opened, Bounds(host="a")) as frontier:
            frontier.ask_host(delay=0.25)
            assert [page.due for page in frontier.lease(9).pages] == pytest.approx([0, 0.25, 0.5])
            frontier.ask_host(delay=0)
            assert len(frontier.lease(9).pages) == 6

    def test_a_command_counts_once(self, fleet: Fleet) -> None:
        first = self.command(fleet, Action.START)
        self.command(fleet, Action.STOP)
        assert not fleet.apply(first)
        assert fleet.told(SOURCE).mode is Mode.STOPPED

    def test_a_paused_source_leases_nothing_until_it_is_resumed(
        self, frontier: Frontier, fleet: Fleet
    ) -> None:
        self.command(fleet, Action.START)
        self.command(fleet, Action.PAUSE)
        paused = frontier.lease(9)
        assert (paused.state, list(paused.pages)) == (State.PAUSED, [])
        with pytest.raises(Conflict, match="resume"):
            begin(frontier)
        self.command(fleet, Action.RESUME)
        assert len(frontier.lease(9).pages) == 2

    def test_a_stopped_source_ends_its_run_early(self, frontier: Frontier, fleet: Fleet) -> None:
        self.command(fleet, Action.START)
        pages = frontier.lease(1).pages
        self.command(fleet, Action.STOP)
        assert frontier.lease(9).state is State.OVER
        assert finish(frontier, pages) == 0
        assert not begin(frontier)
        assert {page.known for page in frontier.lease(9).pages} == {KNOWN, Known()}

    def test_a_backfill_reads_everything_as_if_for_the_first_time(
        self, frontier: Frontier, fleet: Fleet
    ) -> None:
        pages = frontier.lease(9).pages
        finish(frontier, pages[:1])
        self.command(fleet, Action.BACKFILL)
        assert frontier.lease(9).state is State.OVER
        finish(frontier, pages[1:])
        assert not begin(frontier)
        assert {page.known for page in frontier.lease(9).pages} == {Known(body=KNOWN.body)}

    def test_a_source_is_idle_once_its_run_came_to_the_end(self, frontier: Frontier, fleet: Fleet) -> None:
        assert fleet.told(SOURCE).mode is Mode.IDLE
        self.command(fleet, Action.START)
        assert fleet.told(SOURCE).mode is Mode.RUNNING
        finish(frontier, frontier.lease(9).pages)
        frontier.end(now=NOW)
        told = fleet.told(SOURCE)
        assert (told.mode, told.standing.counts) == (Mode.IDLE, Counts(2, 2, 2, 0))
