"""The frontier's memory, on a real file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bookcore.domain.errors import Unavailable
from scraper.frontier import Counts, Finished, Kind, Known, Page
from scraper.frontier.sqlite import Frontier

_NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
_SITE, _EXTRACTOR = "http://127.0.0.1/index.html", "shop/1"
_KNOWN = Known('"tag"', "Mon, 04 May 2026 12:00:00 GMT", "pages/aa/aa.zst", "hash")


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[Frontier]:
    """With a run under way and two books known."""
    opened = Frontier(tmp_path / "frontier" / "shop.db")
    opened.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    opened.add(Kind.BOOK, ["http://a/1", "http://a/2"], depth=1)
    yield opened
    opened.close()


def _waiting(frontier: Frontier) -> list[Page]:
    return frontier.waiting(Kind.BOOK, after=0, limit=10)


def _finish(frontier: Frontier, pages: list[Page], *, sequence: int = 1) -> None:
    frontier.finish_pages([Finished(page, _KNOWN, published=True) for page in pages], sequence=sequence)


def test_pages_wait_in_the_order_of_discovery(frontier: Frontier) -> None:
    assert [page.url for page in _waiting(frontier)] == ["http://a/1", "http://a/2"]


def test_a_page_that_is_known_is_not_added_again(frontier: Frontier) -> None:
    assert frontier.add(Kind.BOOK, ["http://a/2", "http://a/3"], depth=5) == 1
    assert frontier.known == 3


def test_a_done_page_waits_no_more_in_this_run(frontier: Frontier) -> None:
    _finish(frontier, _waiting(frontier)[:1])
    assert [page.url for page in _waiting(frontier)] == ["http://a/2"]


def test_an_unfinished_run_goes_on_with_its_counts_and_sequence(frontier: Frontier) -> None:
    _finish(frontier, _waiting(frontier)[:1], sequence=4)
    run = frontier.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    assert (run.resumed, run.sequence, run.counts) == (True, 4, Counts(pages=1, books=1, published=1))
    assert len(_waiting(frontier)) == 1


def test_a_finished_run_is_followed_by_one_over_everything_that_remembers(frontier: Frontier) -> None:
    _finish(frontier, _waiting(frontier))
    frontier.end(now=_NOW)
    run = frontier.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    assert not run.resumed
    assert [page.known for page in _waiting(frontier)] == [_KNOWN, _KNOWN]


def test_a_304_leaves_what_is_known(frontier: Frontier) -> None:
    _finish(frontier, _waiting(frontier))
    frontier.end(now=_NOW)
    frontier.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    page = _waiting(frontier)[0]
    frontier.finish_pages([Finished(page, None, published=False)], sequence=1)
    frontier.end(now=_NOW)
    frontier.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    assert _waiting(frontier)[0].known == _KNOWN


def test_a_failed_page_keeps_its_reason_and_waits_in_the_next_process(frontier: Frontier) -> None:
    frontier.fail(_waiting(frontier)[0], "404 Not Found")
    assert frontier.failures() == [("http://a/1", "404 Not Found")]
    assert len(_waiting(frontier)) == 2


def test_another_extractor_reads_everything_anew(frontier: Frontier) -> None:
    _finish(frontier, _waiting(frontier))
    run = frontier.begin(site=_SITE, extractor="shop/2", now=_NOW)
    assert not run.resumed
    assert {page.known for page in _waiting(frontier)} == {Known(body=_KNOWN.body)}


def test_another_copy_of_the_site_begins_with_nothing_known(frontier: Frontier) -> None:
    run = frontier.begin(site="http://127.0.0.1:1/", extractor=_EXTRACTOR, now=_NOW)
    assert (run.resumed, frontier.known, _waiting(frontier)) == (False, 0, [])


def test_what_is_done_survives_a_new_process(tmp_path: Path, frontier: Frontier) -> None:
    _finish(frontier, _waiting(frontier)[:1])
    again = Frontier(tmp_path / "frontier" / "shop.db")
    assert again.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW).resumed
    assert len(_waiting(again)) == 1
    again.close()


def test_a_frontier_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    (tmp_path / "frontier").touch()
    with pytest.raises(Unavailable, match=r"the frontier .*shop.db can't be used"):
        Frontier(tmp_path / "frontier" / "shop.db")


def test_a_full_disk_is_named_together_with_what_helps(tmp_path: Path) -> None:
    class Full(Frontier):
        def fill(self) -> None:
            """No page may be added to the file any more."""
            self._db.execute("PRAGMA max_page_count = 1")

    full = Full(tmp_path / "shop.db")
    full.begin(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    full.fill()
    urls = [f"http://a/{number}/{'x' * 500}" for number in range(100)]
    with pytest.raises(Unavailable, match=r"database or disk is full.*free some space"):
        full.add(Kind.BOOK, urls, depth=1)
    assert full.waiting(Kind.BOOK, after=0, limit=9) == []
    full.close()
