"""A shop crawled through all five servers while something happens to the scraper or to what it stands on."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event

import pytest
from tests.e2e.laptop import WITHIN, Laptop, State
from tests.e2e.sites import SampleShop, run_sample_shop
from tests.faults.conftest import Trial
from tests.faults.test_network import half_answers, half_open, latency, resets

from bookcore.events.topics import OBSERVED
from bookcore.testing.proxy import FaultProxy
from devstack.stack import Stack

pytestmark = pytest.mark.xdist_group("crawl")  # one shop and one undisturbed crawl for all
BOOKS = 150
PACE = {
    "BOOKSTREAM_SCRAPER_HOST_RATE": "40",
    "BOOKSTREAM_SCRAPER_LEASE": "3",
    "BOOKSTREAM_SCRAPER_BATCH": "10",
}


@pytest.fixture(scope="module")
def shop() -> Iterator[SampleShop]:
    with run_sample_shop("--books", str(BOOKS)) as shop:
        yield shop


@pytest.fixture(scope="module")
def embedded(shop: SampleShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, State]:
    """The ledger and the stores of a crawl to which nothing happens."""
    laptop = Laptop(tmp_path_factory.mktemp("embedded"))
    assert laptop.run_module("ingestor", "migrate").code == 0
    crawled = laptop.run_module("scraper", "crawl", "sample_shop", "--url", shop.url)
    assert crawled.code == 0, crawled.err
    laptop.ingest()
    return str(laptop.audit()), laptop.read_state()


class Crawl:
    """`python -m scraper` by whoever supervises it: started again until the run is complete."""

    def __init__(self, laptop: Laptop, url: str) -> None:
        self._laptop = replace(laptop, environment={**laptop.environment, **PACE})
        self._words = [sys.executable, "-m", "scraper", "crawl", "sample_shop", "--url", url]
        self.child = self._started()

    def reach(self, events: int) -> None:
        """Wait until that many observations are acknowledged."""
        deadline, pause = time.monotonic() + WITHIN, Event()
        with self._laptop.open_stores() as stores:
            while (
                sum(at.end for at in stores.log.read_progress(OBSERVED.name, "ingestor.catalogue")) < events
            ):
                assert time.monotonic() < deadline
                assert self.child.poll() is None, "it ended before anything happened"
                pause.wait(0.05)

    def kill(self) -> None:
        """As kill -9; another one goes on at once."""
        self.child.kill()
        self.child.wait(WITHIN)
        self.child = self._started()

    def finish(self) -> None:
        """At most five more tries."""
        for _ in range(5):
            if self.child.wait(WITHIN) == 0:
                return
            self.child = self._started()
        raise AssertionError(f"the crawl ended with code {self.child.wait(WITHIN)} again and again")

    def _started(self) -> subprocess.Popen[bytes]:
        environment = self._laptop.build_environment()
        return subprocess.Popen(self._words, env=environment, stdout=subprocess.DEVNULL)


Endure = Callable[[Laptop, Callable[[Crawl], None]], None]


@pytest.fixture
def endure(trial: Trial, shop: SampleShop, embedded: tuple[str, State]) -> Endure:
    """Crawl, strike when a third is acknowledged, and compare with the undisturbed crawl."""

    def act(programs: Laptop, strike: Callable[[Crawl], None]) -> None:
        with trial.laptop.run_ingestor():
            crawl = Crawl(programs, shop.url)
            crawl.reach(BOOKS // 3)
            strike(crawl)
            crawl.finish()
            trial.laptop.wait_until_settled()
        audit = trial.laptop.audit()
        trial.tell(str(audit))
        assert (str(audit), trial.laptop.read_state()) == embedded

    return act


def test_next_scrapers_continue_after_three_kills(trial: Trial, endure: Endure) -> None:
    def strike(crawl: Crawl) -> None:
        for part in (3, 2, 1):
            crawl.kill()
            crawl.reach(BOOKS // 3 + BOOKS // (4 * part))

    endure(trial.laptop, strike)


@pytest.mark.exclusive
@pytest.mark.parametrize("name", ["kafka", "versitygw", "valkey"])
def test_crawl_survives_a_killed_server(name: str, trial: Trial, stack: Stack, endure: Endure) -> None:
    def strike(_: Crawl) -> None:
        stack.stop([name], now=True)
        stack.start([name])

    endure(trial.laptop, strike)


@pytest.mark.parametrize("fault", [latency, resets, half_open, half_answers])
def test_crawl_survives_network_faults_of_the_frontier(
    fault: Callable[[FaultProxy], None], trial: Trial, stack: Stack, endure: Endure
) -> None:
    with trial.run_behind_proxy(stack, "valkey") as (behind, proxy):
        endure(behind.programs, lambda _: fault(proxy))
