"""The walks of docs/architecture.md are true: the named functions are called, in that order."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event

import httpx
import pytest
from tests.architecture.traced import CallRecorder
from tests.unit.gateway.servers import ADMIN, StubServices, run_gateway, serve_app
from tests.unit.scraper.conftest import RunningShop, open_shop, shop

from bookcore.search import SearchQuery, open_search_index
from gateway.settings import Settings

__all__ = ["open_shop", "shop"]

ROOT = Path(__file__).parents[2]
_BOOKS = 25
_MOST_HOPS = 8
_PATIENCE = 600  # tenths of a second


def read_walks() -> Mapping[str, Sequence[str]]:
    """Heading -> qualified names of its numbered hops."""
    section = (ROOT / "docs/architecture.md").read_text().partition("\n## Walks\n")[2].partition("\n## ")[0]
    walks = {}
    for part in section.split("\n### ")[1:]:
        heading, _, text = part.partition("\n")
        walks[heading] = re.findall(r"^\d+\. `([\w.]+)`", text, re.MULTILINE)
    return walks


WALKS = read_walks()


PAGE, EVENT, MISS, HIT = WALKS


def assert_in_order(calls: Iterable[str], hops: Sequence[str]) -> None:
    """Each hop is called after the one before it."""
    rest = iter(calls)
    assert [hop for hop in hops if hop not in rest] == []


def test_a_walk_has_at_most_eight_hops() -> None:
    assert len(WALKS) == 4
    assert {heading: hops for heading, hops in WALKS.items() if not 3 <= len(hops) <= _MOST_HOPS} == {}


def run_traced(walk: str, out: Path, data: Path, *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.architecture.traced", ",".join(WALKS[walk]), str(out), *words]
    return subprocess.Popen(command, cwd=ROOT, env={"BOOKSTREAM_DATA": str(data), "PATH": "/usr/bin:/bin"})


@pytest.fixture
def crawled(tmp_path: Path, shop: RunningShop) -> tuple[Path, list[str]]:
    """A data folder with the events of a crawl, and the calls that made them."""
    out, data = tmp_path / "crawl", tmp_path / "data"
    process = run_traced(PAGE, out, data, "scraper", "crawl", "books_toscrape", "--url", shop.address)
    assert process.wait(timeout=90) == 0
    return data, out.read_text().splitlines()


def test_a_page_becomes_a_published_event(crawled: tuple[Path, list[str]]) -> None:
    assert_in_order(crawled[1], WALKS[PAGE])


def test_an_event_reaches_catalogue_outbox_and_index(tmp_path: Path, crawled: tuple[Path, list[str]]) -> None:
    out, data = tmp_path / "ingest", crawled[0]
    process = run_traced(EVENT, out, data, "ingestor")
    index, pause = open_search_index(f"tantivy://{data}/search"), Event()
    for _ in range(_PATIENCE):
        if index.search(SearchQuery("", limit=0)).total == _BOOKS or process.poll() is not None:
            break
        pause.wait(0.1)
    index.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert_in_order(out.read_text().splitlines(), WALKS[EVENT])


def test_a_read_through_the_gateway_is_filled_once_and_then_hit(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path, bootstrap_admin_email=ADMIN["email"], bootstrap_admin_password=ADMIN["password"]
    )
    services = StubServices(settings.internal_secret.get_secret_value())
    recorder = CallRecorder([*WALKS[MISS], *WALKS[HIT]])
    with (
        serve_app(services.app) as address,
        recorder.recording(),
        run_gateway(settings.model_copy(update={"books_api_urls": (address,)})) as gate,
        httpx.Client(base_url=gate.address, trust_env=False) as client,
    ):
        client.headers["Authorization"] = f"Bearer {gate.token}"
        client.get("/v1/categories")  # from here on the caller is cached
        recorder.calls.clear()
        assert client.get("/v1/books").is_success
        assert recorder.calls == WALKS[MISS]
        recorder.calls.clear()
        assert client.get("/v1/books").is_success
        assert recorder.calls == WALKS[HIT]
