"""The frontier of a fleet, on a real Valkey."""

import secrets
from contextlib import closing

import pytest
from redis import Redis
from tests.contract.frontier import NOW, FrontierContract
from tests.contract.schedules import ScheduleContract

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from scraper.frontier import CrawlLimits, FinishedPage, PageKind, PageSnapshot, RunState, open_frontier


@pytest.fixture
def url(redis_url: str) -> str:
    """An empty frontier."""
    return f"{redis_url}?prefix=test-{secrets.token_hex(4)}:"


class TestSharedFrontier(FrontierContract, ScheduleContract):
    pass


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("//:6379/0", "must be redis://"),
        (
            "//127.0.0.1:9/0",
            "redis://127.0.0.1:9/0 can't be used .* check that it runs, and BOOKSTREAM_FRONTIER_URL",
        ),
        ("//127.0.0.1:6379/zero", "number of its database"),
        ("//127.0.0.1:6379/0?prefx=a", "must be redis://"),
    ],
)
def test_unusable_redis_url_is_one_clear_error(change: str, complaint: str) -> None:
    with pytest.raises((Invalid, Unavailable), match=complaint):
        open_frontier(f"redis:{change}", "shop", CrawlLimits())


def test_wrong_credentials_are_one_clear_error_without_the_password(redis_url: str) -> None:
    with pytest.raises(Invalid, match="refuses") as refused:
        open_frontier(redis_url.replace("://", "://:open-sesame@"), "shop", CrawlLimits())
    assert "BOOKSTREAM_FRONTIER_URL" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_emptied_store_resets_the_run_and_fences_earlier_leases(redis_url: str, url: str) -> None:
    bounds = CrawlLimits(host="a")
    with (
        closing(open_frontier(url, "shop", bounds)) as late,
        closing(open_frontier(url, "shop", bounds)) as frontier,
    ):
        late.begin_run(site="s", extractor="e", now=NOW)
        late.add_pages(PageKind.BOOK, ["http://a/1"], depth=1)
        zombie = late.lease_pages(9).pages
        with Redis.from_url(redis_url) as client:
            client.delete(*client.keys(f"{url.partition('prefix=')[2]}*"))
        assert (late.add_pages(PageKind.BOOK, ["http://a/2"], depth=1), late.lease_pages(9).state) == (
            0,
            RunState.RESET,
        )
        frontier.begin_run(site="s", extractor="e", now=NOW)
        frontier.add_pages(PageKind.BOOK, ["http://a/1"], depth=1)
        heir = frontier.lease_pages(9).pages
        assert (heir[0].id, heir[0].token) == (zombie[0].id, zombie[0].token)
        assert (
            late.finish_pages([FinishedPage(zombie[0], PageSnapshot(), is_published=True)], next_segment=1)
            == 1
        )
        assert late.lease_pages(9).state is RunState.RESET
        assert (
            frontier.finish_pages([FinishedPage(heir[0], PageSnapshot(), is_published=True)], next_segment=1)
            == 0
        )


def test_run_is_finished_when_another_process_began_a_newer_one(url: str) -> None:
    bounds = CrawlLimits(host="a")
    with (
        closing(open_frontier(url, "shop", bounds)) as mine,
        closing(open_frontier(url, "shop", bounds)) as yours,
    ):
        mine.begin_run(site="s", extractor="e", now=NOW)
        assert yours.begin_run(site="s", extractor="e", now=NOW).is_resumed
        assert yours.finish_run(now=NOW)
        assert not yours.begin_run(site="s", extractor="e", now=NOW).is_resumed
        assert mine.lease_pages(9).state is RunState.FINISHED


def test_another_copy_of_the_site_is_refused_during_a_crawl(url: str) -> None:
    bounds = CrawlLimits(host="a", lease_seconds=0.5)
    with (
        closing(open_frontier(url, "shop", bounds)) as mine,
        closing(open_frontier(url, "shop", bounds)) as yours,
    ):
        mine.begin_run(site="s", extractor="e", now=NOW)
        with pytest.raises(Conflict, match="others crawl shop at s with e"):
            yours.begin_run(site="elsewhere", extractor="e", now=NOW)
        mine.release_pages([])
        assert not yours.begin_run(site="elsewhere", extractor="e", now=NOW).is_resumed


def test_two_sources_on_one_host_share_its_pace(url: str) -> None:
    bounds = CrawlLimits(host="a", host_rate=4)
    with (
        closing(open_frontier(url, "shop", bounds)) as mine,
        closing(open_frontier(url, "other", bounds)) as yours,
    ):
        for frontier in (mine, yours):
            frontier.begin_run(site="s", extractor="e", now=NOW)
            frontier.add_pages(PageKind.BOOK, [f"http://a/{n}" for n in range(9)], depth=1)
        assert len(mine.lease_pages(2).pages) == 2
        dues = [page.slot_delay for page in yours.lease_pages(9).pages]
        assert len(dues) == 1
        assert 0.3 < (dues[0] or 0) <= 0.5
