"""The frontier of a fleet, on a real Valkey."""

import secrets
from contextlib import closing

import pytest
from redis import Redis
from tests.contract.frontier import NOW, FrontierContract

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from scraper.frontier import Bounds, Finished, Kind, Known, State, open_frontier


@pytest.fixture
def url(redis_url: str) -> str:
    """An empty frontier."""
    return f"{redis_url}?prefix=test-{secrets.token_hex(4)}:"


class TestSharedFrontier(FrontierContract):
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
def test_a_url_that_leads_nowhere_is_one_clear_error(change: str, complaint: str) -> None:
    with pytest.raises((Invalid, Unavailable), match=complaint):
        open_frontier(f"redis:{change}", "shop", Bounds())


def test_wrong_credentials_are_one_clear_error_without_the_password(redis_url: str) -> None:
    with pytest.raises(Invalid, match="refuses") as refused:
        open_frontier(redis_url.replace("://", "://:open-sesame@"), "shop", Bounds())
    assert "BOOKSTREAM_FRONTIER_URL" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_a_store_that_was_emptied_says_so_and_fences_what_was_leased_before(redis_url: str, url: str) -> None:
    bounds = Bounds(host="a")
    with (
        closing(open_frontier(url, "shop", bounds)) as late,
        closing(open_frontier(url, "shop", bounds)) as frontier,
    ):
        late.begin(site="s", extractor="e", now=NOW)
        late.add(Kind.BOOK, ["http://a/1"], depth=1)
        zombie = late.lease(9).pages
        with Redis.from_url(redis_url) as client:
            client.delete(*client.keys(f"{url.partition('prefix=')[2]}*"))
        assert (late.add(Kind.BOOK, ["http://a/2"], depth=1), late.lease(9).state) == (0, State.LOST)
        frontier.begin(site="s", extractor="e", now=NOW)
        frontier.add(Kind.BOOK, ["http://a/1"], depth=1)
        heir = frontier.lease(9).pages
        assert (heir[0].id, heir[0].token) == (zombie[0].id, zombie[0].token)
        assert late.finish_pages([Finished(zombie[0], Known(), published=True)], sequence=1) == 1
        assert late.lease(9).state is State.LOST
        assert frontier.finish_pages([Finished(heir[0], Known(), published=True)], sequence=1) == 0


def test_a_run_that_another_process_began_after_ours_means_ours_is_over(url: str) -> None:
    bounds = Bounds(host="a")
    with (
        closing(open_frontier(url, "shop", bounds)) as mine,
        closing(open_frontier(url, "shop", bounds)) as yours,
    ):
        mine.begin(site="s", extractor="e", now=NOW)
        assert yours.begin(site="s", extractor="e", now=NOW).resumed
        assert yours.end(now=NOW)
        assert not yours.begin(site="s", extractor="e", now=NOW).resumed
        assert mine.lease(9).state is State.OVER


def test_another_copy_of_the_site_is_refused_while_others_crawl_this_one(url: str) -> None:
    bounds = Bounds(host="a", lease=0.5)
    with (
        closing(open_frontier(url, "shop", bounds)) as mine,
        closing(open_frontier(url, "shop", bounds)) as yours,
    ):
        mine.begin(site="s", extractor="e", now=NOW)
        with pytest.raises(Conflict, match="others crawl shop at s with e"):
            yours.begin(site="elsewhere", extractor="e", now=NOW)
        mine.give_back([])
        assert not yours.begin(site="elsewhere", extractor="e", now=NOW).resumed


def test_two_sources_on_one_host_share_its_pace(url: str) -> None:
    bounds = Bounds(host="a", rate=4)
    with (
        closing(open_frontier(url, "shop", bounds)) as mine,
        closing(open_frontier(url, "other", bounds)) as yours,
    ):
        for frontier in (mine, yours):
            frontier.begin(site="s", extractor="e", now=NOW)
            frontier.add(Kind.BOOK, [f"http://a/{n}" for n in range(9)], depth=1)
        assert len(mine.lease(2).pages) == 2
        dues = [page.due for page in yours.lease(9).pages]
        assert len(dues) == 1
        assert 0.3 < (dues[0] or 0) <= 0.5
