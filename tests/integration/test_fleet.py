"""Three scrapers on one frontier, killed with -9 in turn: every book once, and the host's rate is kept.

BOOKSTREAM_TEST_FLEET="20000 10 200" takes 20,000 books, a kill every 10 s and 200 requests a second.
"""

import os
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from tests.e2e.sites import SampleShop, run_sample_shop
from tests.integration.fleet import WITHIN, RequestMonitor, ScraperProcesses

from bookcore.events.crawl import Action

BOOKS, KILL_EVERY, RATE = (float(n) for n in os.environ.get("BOOKSTREAM_TEST_FLEET", "2000 2 200").split())


@pytest.fixture(scope="module")
def shop() -> Iterator[SampleShop]:
    with run_sample_shop("--books", str(int(BOOKS))) as shop:
        yield shop


@pytest.fixture
def crews(redis_url: str, tmp_path: Path) -> Iterator[ScraperProcesses]:
    """Nobody at work yet, on an empty frontier."""
    settings = {
        "FRONTIER_URL": f"{redis_url}?prefix=test-{secrets.token_hex(4)}:",
        "SCRAPER_LEASE": "3",
        "SCRAPER_HOST_RATE": f"{RATE:g}",
    }
    crews = ScraperProcesses(
        tmp_path / "data", {f"BOOKSTREAM_{name}": value for name, value in settings.items()}
    )
    yield crews
    crews.stop_all()


def test_three_scrapers_killed_in_turn_publish_each_book_once_and_keep_the_rate(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    words = ("crawl", "sample_shop", "--only-if-running", "--url", shop.url)
    crews.apply_command(Action.START, "sample_shop", shop.url)
    chance, pause, kills = random.Random(5), Event(), 0
    watched, began = RequestMonitor(shop.url), time.monotonic()
    for _ in range(3):
        crews.start(*words)
    while all(child.poll() is None for child in crews.alive):
        assert time.monotonic() - began < 180 + 4 * BOOKS / RATE
        pause.wait(KILL_EVERY)
        crews.wait_until_all_work()
        victim = chance.choice(crews.alive)
        if all(child.poll() is None for child in crews.alive):
            crews.kill(victim)
            crews.start(*words)
            kills += 1
    codes = {child.wait(WITHIN) for child in crews.alive}
    seconds = time.monotonic() - began
    watched.stop()
    published, books = crews.list_published(), {str(book["url"]) for book in shop.read_truth()}
    print(
        f"books={len(books)} kills={kills} seconds={seconds:.1f} events={len(published)}"
        f" ids={len({i for i, _ in published})} requests={watched.samples[-1][1] - watched.samples[0][1]}"
        f" highest_rate_2s={watched.compute_highest_rate(window=2):.1f} rate={RATE:g}"
    )
    assert codes <= {0, 1}  # 1: came when the run was over
    assert kills >= 3
    assert len({key for _, key in published}) == len(books)
    assert len({event for event, _ in published}) == len(books)
    assert crews.read_ledger_ids() == {event for event, _ in published}
    assert watched.compute_highest_rate(window=2) <= RATE * 1.15  # a request may be 0.1 s late, a look too
