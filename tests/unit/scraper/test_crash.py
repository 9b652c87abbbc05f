"""kill -9 at every named point, then going on: nothing is lost, nothing counts twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bookcore.kit.failpoint import Failpoint

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import RunningShop, Scraper

_POINTS = [point for point in Failpoint if point.startswith("scraper.")]


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", _POINTS)
def test_crawl_killed_at_a_failpoint_resumes_with_the_same_result(
    point: Failpoint, nth: int, shop: RunningShop, scraper: Scraper
) -> None:
    scraper.kill_at(f"{point}:{nth}", shop.address)
    ran = scraper.crawl(shop.address)
    undisturbed = replace(scraper, data=scraper.data.parent / "undisturbed")
    undisturbed.crawl(shop.address)
    assert (ran.code, ran.summary["resumed"], ran.summary["books"]) == (0, True, 25)
    assert scraper.read_contents() == undisturbed.read_contents()
    assert {line["event_id"] for line in scraper.read_ledger()} == {
        event.event_id for event in scraper.read_events()
    }


def test_finished_pages_are_not_fetched_again(shop: RunningShop, scraper: Scraper) -> None:
    scraper.kill_at(f"{Failpoint.SCRAPER_AFTER_MARK}:3", shop.address)
    before = sum(shop.count_by_status().values())
    ran = scraper.crawl(shop.address)
    robots = 1
    asked = sum(shop.count_by_status().values()) - before - robots
    assert 0 < asked < ran.summary["pages"]
