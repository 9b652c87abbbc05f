"""kill -9 at every named point, then going on: the same catalogue and index as an undisturbed run."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.laptop import WITHIN, Laptop, State
from tests.e2e.sites import SampleShop, run_sample_shop
from tests.promises import carries

from bookcore.kit.failpoint import Failpoint

SCRAPER = [point for point in Failpoint if point.startswith("scraper.")]
INGESTOR = [point for point in Failpoint if not point.startswith("scraper.")]
BATCH = "20"  # several batches, so that a crash comes in the midst


@pytest.fixture(scope="module")
def shop() -> Iterator[SampleShop]:
    """60 books, three of whose pages can't be accepted."""
    with run_sample_shop("--books", "60") as shop:
        for path in [str(book["url"]).removeprefix(shop.url) for book in shop.read_truth()[10:13]]:
            shop.inject_fault("missing-price", 1.0, path_prefix=f"/{path}")
        yield shop


def crawl(laptop: Laptop, shop: SampleShop, **environment: str) -> int:
    return laptop.run_module("scraper", "crawl", "sample_shop", "--url", shop.url, **environment).code


@pytest.fixture(scope="module")
def undisturbed(shop: SampleShop, tmp_path_factory: pytest.TempPathFactory) -> State:
    laptop = Laptop(tmp_path_factory.mktemp("undisturbed"))
    assert crawl(laptop, shop) == 0
    laptop.ingest()
    assert str(laptop.audit()) == "acked=60 lake=60 catalogue=57 search=57 parked=3 lost=0 dup_effects=0"
    return laptop.read_state()


@carries("nothing-lost")
@pytest.mark.parametrize("point", SCRAPER)
@pytest.mark.parametrize("nth", [1, 3])
def test_scraper_killed_at_a_failpoint_resumes_with_the_same_result(
    point: Failpoint, nth: int, shop: SampleShop, undisturbed: State, tmp_path: Path
) -> None:
    laptop = Laptop(tmp_path, {"BOOKSTREAM_SCRAPER_BATCH": "10"})
    assert crawl(laptop, shop, BOOKSTREAM_CRASH_AT=f"{point}:{nth}") == -signal.SIGKILL
    assert crawl(laptop, shop) == 0
    laptop.ingest()
    assert str(laptop.audit()) == "acked=60 lake=60 catalogue=57 search=57 parked=3 lost=0 dup_effects=0"
    assert laptop.read_state() == undisturbed


@carries("nothing-lost")
@pytest.mark.parametrize("point", INGESTOR)
def test_ingestor_killed_at_a_failpoint_resumes_with_the_same_result(
    point: Failpoint, shop: SampleShop, undisturbed: State, tmp_path: Path
) -> None:
    laptop = Laptop(tmp_path, {"BOOKSTREAM_INGESTOR_BATCH": BATCH})
    assert crawl(laptop, shop) == 0
    with laptop.run_ingestor(BOOKSTREAM_CRASH_AT=str(point)) as ingestor:
        assert ingestor.wait(WITHIN) == -signal.SIGKILL
    laptop.ingest()
    assert str(laptop.audit()) == "acked=60 lake=60 catalogue=57 search=57 parked=3 lost=0 dup_effects=0"
    assert laptop.read_state() == undisturbed


@carries("rebuild")
def test_replay_from_the_lake_rebuilds_the_same_catalogue_and_index(
    shop: SampleShop, undisturbed: State, tmp_path: Path
) -> None:
    laptop = Laptop(tmp_path)
    assert crawl(laptop, shop) == 0
    laptop.ingest()
    replayed = laptop.run("replay", "--swap")
    assert "replayed=60 parked=3 books=57" in replayed.out, replayed.err
    assert "equal" in replayed.out
    assert laptop.read_state() == undisturbed
    laptop.ingest()
    assert laptop.audit().is_sound
