"""Schedules on every fleet control: one run for each due time, whoever is first, whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from bookcore.events.crawl import Action, CrawlCommand
from booksources.sources.schedule import Schedule
from scraper.fleet.control import FleetControl, SourceMode, open_fleet
from scraper.fleet.schedules import ScheduleKeeper
from scraper.frontier import CrawlLimits, PageKind, open_frontier

SOURCE = "shop"
HOURLY = {SOURCE: Schedule(every="1h")}


class SteppedClock:
    """Stands until it is set."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


def crawl_once(url: str, clock: SteppedClock) -> None:
    """A run of one page, from begin to end."""
    with closing(open_frontier(url, SOURCE, CrawlLimits())) as frontier:
        frontier.begin_run(site="http://shop/", extractor="shop/1", now=clock.now())
        frontier.add_pages(PageKind.LISTING, ["http://shop/"], depth=0)
        for page in frontier.lease_pages(9).pages:
            frontier.fail_page(page, "gone")
        assert frontier.finish_run(now=clock.now())


class ScheduleContract:
    """A fixture `url` names an empty store."""

    @pytest.fixture
    def fleet(self, url: str) -> Iterator[FleetControl]:
        with closing(open_fleet(url)) as opened:
            yield opened

    @pytest.fixture
    def clock(self) -> SteppedClock:
        """Behind a server's: a server claims nothing in its future."""
        return SteppedClock(datetime.now(UTC) - timedelta(hours=9))

    @pytest.fixture
    def keeper(self, fleet: FleetControl, clock: SteppedClock) -> ScheduleKeeper:
        return ScheduleKeeper(fleet, HOURLY, clock, on_due=lambda source, due: None)

    def test_a_source_that_never_ran_is_due_at_once_and_once(
        self, fleet: FleetControl, keeper: ScheduleKeeper, clock: SteppedClock
    ) -> None:
        other = ScheduleKeeper(fleet, HOURLY, clock, on_due=lambda source, due: None)
        state = fleet.read_source(SOURCE)
        assert [keeper.keep(state), other.keep(state), keeper.keep(state)] == [True, False, False]
        assert fleet.read_source(SOURCE).mode is SourceMode.RUNNING

    def test_missed_slots_are_one_run(
        self, fleet: FleetControl, keeper: ScheduleKeeper, clock: SteppedClock, url: str
    ) -> None:
        crawl_once(url, clock)
        assert not keeper.keep(fleet.read_source(SOURCE))
        clock.moment += timedelta(hours=5, minutes=1)
        late = fleet.read_source(SOURCE)
        assert keeper.keep(late)
        crawl_once(url, clock)
        assert [keeper.keep(fleet.read_source(SOURCE)), keeper.keep(late)] == [False, False]
        assert fleet.read_source(SOURCE).mode is SourceMode.IDLE
        clock.moment += timedelta(hours=1, minutes=1)
        assert keeper.keep(fleet.read_source(SOURCE))

    def test_a_clock_that_is_set_back_begins_no_run(
        self, fleet: FleetControl, keeper: ScheduleKeeper, clock: SteppedClock, url: str
    ) -> None:
        crawl_once(url, clock)
        for back in (timedelta(minutes=30), timedelta(hours=3)):
            clock.moment -= back
            assert not keeper.keep(fleet.read_source(SOURCE))

    def test_a_paused_source_waits_and_a_stopped_one_does_not(
        self, fleet: FleetControl, keeper: ScheduleKeeper
    ) -> None:
        for action in (Action.START, Action.PAUSE):
            fleet.apply(CrawlCommand.issue(action, SOURCE, url=None, issued_by="test"))
        assert not keeper.keep(fleet.read_source(SOURCE))
        fleet.apply(CrawlCommand.issue(Action.STOP, SOURCE, url=None, issued_by="test"))
        assert keeper.keep(fleet.read_source(SOURCE))
        assert fleet.read_source(SOURCE).mode is SourceMode.RUNNING

    def test_a_source_without_a_schedule_is_never_due(self, fleet: FleetControl, clock: SteppedClock) -> None:
        nothing = ScheduleKeeper(fleet, {}, clock, on_due=lambda source, due: None)
        assert not nothing.keep(fleet.read_source(SOURCE))
