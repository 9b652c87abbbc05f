"""What only the frontier in a file does; the rest is in tests/contract/frontier.py."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from scraper.frontier import CrawlLimits, FinishedPage, Page, PageKind, PageSnapshot, RunCounts, open_frontier
from scraper.frontier.sqlite.frontier import SqliteFrontier

_NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
_SITE, _EXTRACTOR = "http://127.0.0.1/index.html", "shop/1"


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[SqliteFrontier]:
    """With a run under way and two books known."""
    opened = SqliteFrontier(tmp_path / "frontier" / "shop.db")
    opened.begin_run(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    opened.add_pages(PageKind.BOOK, ["http://a/1", "http://a/2"], depth=1)
    yield opened
    opened.close()


def _finish(frontier: SqliteFrontier, pages: list[Page], *, sequence: int = 1) -> None:
    frontier.finish_pages(
        [FinishedPage(page, PageSnapshot(), is_published=True) for page in pages], next_segment=sequence
    )


def test_unfinished_run_resumes_with_its_counts_and_ledger_segment(frontier: SqliteFrontier) -> None:
    _finish(frontier, list(frontier.lease_pages(1).pages), sequence=4)
    run = frontier.begin_run(site=_SITE, extractor=_EXTRACTOR, now=_NOW)
    assert (run.is_resumed, run.next_segment, run.counts) == (
        True,
        4,
        RunCounts(pages=1, books=1, published=1),
    )
    assert len(frontier.lease_pages(9).pages) == 1


def test_new_process_keeps_finished_pages_and_frees_leases(tmp_path: Path, frontier: SqliteFrontier) -> None:
    _finish(frontier, list(frontier.lease_pages(9).pages)[:1])
    again = SqliteFrontier(tmp_path / "frontier" / "shop.db")
    assert again.begin_run(site=_SITE, extractor=_EXTRACTOR, now=_NOW).is_resumed
    assert len(again.lease_pages(9).pages) == 1
    again.close()


def test_frontier_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "frontier").touch()
    with pytest.raises(Unavailable, match=r"the frontier .*shop.db can't be used"):
        SqliteFrontier(tmp_path / "frontier" / "shop.db")


def test_frontier_is_locked_by_one_process_until_it_is_closed(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/frontier"
    first = open_frontier(url, "shop", CrawlLimits())
    with pytest.raises(Conflict, match="another crawl holds"):
        open_frontier(url, "shop", CrawlLimits())
    first.close()
    open_frontier(url, "shop", CrawlLimits()).close()


@pytest.mark.parametrize(("url", "complaint"), [("mongo://a", "sqlite, redis"), ("sqlite://a", "absolute")])
def test_invalid_frontier_url_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        open_frontier(url, "shop", CrawlLimits())


def test_full_disk_is_an_error_with_a_remedy(tmp_path: Path, frontier: SqliteFrontier) -> None:
    with frontier._file.lock_connection() as db:
        db.execute("PRAGMA max_page_count = 1")
    urls = [f"http://a/{number}/{'x' * 500}" for number in range(100)]
    with pytest.raises(Unavailable, match=r"database or disk is full.*free some space"):
        frontier.add_pages(PageKind.BOOK, urls, depth=1)
    assert len(frontier.lease_pages(9).pages) == 2


def test_file_of_an_earlier_version_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL,"
        " depth INTEGER NOT NULL, run INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending',"
        " reason TEXT, etag TEXT, last_modified TEXT, body TEXT, content_hash TEXT);"
        "CREATE TABLE runs (number INTEGER PRIMARY KEY, name TEXT NOT NULL, site TEXT NOT NULL,"
        " extractor TEXT NOT NULL, started TEXT NOT NULL, finished TEXT, sequence INTEGER NOT NULL DEFAULT 0,"
        " pages INTEGER NOT NULL DEFAULT 0, books INTEGER NOT NULL DEFAULT 0,"
        " published INTEGER NOT NULL DEFAULT 0, unchanged INTEGER NOT NULL DEFAULT 0);"
        "INSERT INTO pages (url, kind, depth) VALUES ('http://a/1', 1, 1);"
    )
    db.close()
    with closing(SqliteFrontier(path)) as frontier:
        frontier.begin_run(site="http://a/", extractor="shop/1", now=datetime(2026, 5, 4, tzinfo=UTC))
        pages = frontier.lease_pages(9).pages
        frontier.fail_page(pages[0], "404 Not Found", is_missing=True)
        closed = frontier.close_run(now=datetime(2026, 5, 4, tzinfo=UTC), is_limited=False)
    assert closed is not None
    assert (closed.seen, closed.expected, closed.gone) == (0, None, ())
