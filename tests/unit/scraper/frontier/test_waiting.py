"""The order in which pages are handed out, and that each is handed out once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.frontier import Kind
from scraper.frontier.sqlite import Frontier
from scraper.frontier.waiting import WaitingPages


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[Frontier]:
    """With a run under way."""
    opened = Frontier(tmp_path / "shop.db")
    opened.begin(site="http://a/", extractor="shop/1", now=datetime(2026, 5, 4, tzinfo=UTC))
    yield opened
    opened.close()


def _all(waiting: WaitingPages) -> list[str]:
    found = []
    while page := waiting.next():
        found.append(page.url)
    return found


def test_three_listings_go_ahead_of_each_book(frontier: Frontier) -> None:
    frontier.add(Kind.BOOK, ["b1", "b2"], depth=1)
    frontier.add(Kind.LISTING, ["l1", "l2", "l3", "l4"], depth=1)
    assert _all(WaitingPages(frontier)) == ["l1", "l2", "l3", "b1", "l4", "b2"]


def test_more_than_a_chunk_is_handed_out_once_each(frontier: Frontier) -> None:
    urls = [f"b{number}" for number in range(1_000)]
    frontier.add(Kind.BOOK, urls, depth=1)
    assert _all(WaitingPages(frontier)) == urls


def test_pages_that_are_discovered_late_are_handed_out_too(frontier: Frontier) -> None:
    waiting = WaitingPages(frontier)
    assert waiting.is_empty()
    frontier.add(Kind.BOOK, ["b1"], depth=1)
    assert not waiting.is_empty()
    assert _all(waiting) == ["b1"]
    frontier.add(Kind.LISTING, ["l1"], depth=1)
    assert _all(waiting) == ["l1"]
