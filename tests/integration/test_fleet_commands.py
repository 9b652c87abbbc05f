"""A fleet of workers on a real Valkey: what it is told over the topic, and what it does when things go."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from redis import Redis
from tests.e2e.sites import SampleShop, run_sample_shop
from tests.integration.fleet import WITHIN, RequestMonitor, ScraperProcesses

from bookcore.catalogue import IngestBatch, Observation, open_catalogue
from bookcore.event_log import open_event_log
from bookcore.events.codec import decode
from bookcore.events.crawl import Action, RunOutcome, RunReported
from bookcore.events.topics import RUN
from bookcore.testing.builders import make_book
from scraper.fleet.control import SourceMode

SOURCE = "sample_shop"


@pytest.fixture(scope="module")
def shop() -> Iterator[SampleShop]:
    with run_sample_shop("--books", "300") as shop:
        yield shop


@pytest.fixture
def crews(redis_url: str, tmp_path: Path) -> Iterator[ScraperProcesses]:
    """Nobody at work yet, on an empty frontier."""
    settings = {
        "FRONTIER_URL": f"{redis_url}?prefix=test-{secrets.token_hex(4)}:",
        "SCRAPER_LEASE": "3",
        "SCRAPER_HOST_RATE": "60",
    }
    crews = ScraperProcesses(
        tmp_path / "data", {f"BOOKSTREAM_{name}": value for name, value in settings.items()}
    )
    yield crews
    crews.stop_all()


def until(is_so: Callable[[], bool]) -> None:
    """Wait, at most a minute."""
    deadline, pause = time.monotonic() + WITHIN, Event()
    while not is_so():
        assert time.monotonic() < deadline
        pause.wait(0.1)


def ask(crews: ScraperProcesses, *words: str) -> str:
    """`bookstream fleet WORDS`."""
    command = [sys.executable, "-m", "bookstream", "fleet", *words, "--data", str(crews.data)]
    environment = {**os.environ, **crews.environment}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def catalogue_has(file: Path, urls: list[str]) -> None:
    """Books of the source at these addresses, and one of another source."""
    books = [replace(make_book(f"b{n}"), source=SOURCE, url=url) for n, url in enumerate(urls)]
    seen = [Observation(book.id, book, 1, book.source_id) for book in [*books, make_book("other")]]
    with closing(open_catalogue(f"sqlite:///{file}")) as catalogue:
        catalogue.apply_batch(IngestBatch("t", 0, 0, len(seen), "key", seen))


def pages(crews: ScraperProcesses) -> int:
    return crews.read_source(SOURCE).status.counts.pages


def mode(crews: ScraperProcesses) -> SourceMode:
    return crews.read_source(SOURCE).mode


def test_fleet_starts_pauses_resumes_and_finishes_a_run(shop: SampleShop, crews: ScraperProcesses) -> None:
    for _ in range(2):
        crews.start("fleet")
    assert "asked the fleet to start" in ask(crews, "start", SOURCE, "--url", shop.url)
    until(lambda: pages(crews) > 20)
    ask(crews, "pause", SOURCE)
    until(lambda: mode(crews) is SourceMode.PAUSED and crews.read_source(SOURCE).status.leased == 0)
    paused_at = pages(crews)
    Event().wait(1)
    assert pages(crews) == paused_at
    status = json.loads(next(line for line in ask(crews, "status", "--json").splitlines() if SOURCE in line))
    assert (status["mode"], status["workers"], status["rate"]) == ("paused", 2, 0)
    ask(crews, "resume", SOURCE)
    until(lambda: mode(crews) is SourceMode.IDLE)
    assert len({key for _, key in crews.list_published()}) == 300
    assert len(crews.list_published()) == 300


def test_scheduled_source_is_crawled_once_although_a_worker_dies(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    folder = crews.data / "sources" / "hourly"
    folder.mkdir(parents=True)
    begin = f'page_objects = "books_toscrape"\nstart = ["{shop.url}"]\nindex_file = "index.html"\n'
    (folder / "source.toml").write_text(f'{begin}[schedule]\nevery = "1h"\n')
    first, _ = crews.start("fleet"), crews.start("fleet")
    until(lambda: crews.read_source("hourly").status.counts.books > 20)
    crews.kill(first)
    until(lambda: crews.read_source("hourly").mode is SourceMode.IDLE)
    assert len({key for _, key in crews.list_published()}) == 300
    with closing(open_event_log(f"sqlite://{crews.data}/log.db")) as log:
        reports = [decode(record).event for record in log.read(RUN.name, 0, 0, 1_000)]
    found = [report for report in reports if isinstance(report, RunReported)]
    assert {(report.source, report.run) for report in found} == {("hourly", found[0].run)}
    assert RunOutcome.COMPLETE in {report.outcome for report in found}


def test_backfill_publishes_every_book_again_with_the_same_ids(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    crews.start("fleet")
    for verb in ("start", "backfill"):
        ask(crews, verb, SOURCE, "--url", shop.url)
        until(lambda: mode(crews) is SourceMode.RUNNING)
        until(lambda: mode(crews) is SourceMode.IDLE)
    published = crews.list_published()
    assert (len(published), len(set(published))) == (600, 300)


def test_stopped_source_is_not_crawled_until_the_next_start(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    crews.start("fleet")
    ask(crews, "start", SOURCE, "--url", shop.url)
    until(lambda: pages(crews) > 20)
    ask(crews, "stop", SOURCE)
    until(lambda: crews.read_source(SOURCE).status.workers == 0)
    assert (mode(crews), len(crews.list_published()) < 300) == (SourceMode.STOPPED, True)
    ask(crews, "start", SOURCE, "--url", shop.url)
    until(lambda: mode(crews) is SourceMode.IDLE)
    assert len(crews.list_published()) == 300


def test_command_for_an_unknown_source_becomes_a_dead_letter(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    crews.start("fleet")
    ask(crews, "start", "nowhere")
    ask(crews, "start", SOURCE, "--url", shop.url)
    until(lambda: pages(crews) > 20)
    ask(crews, "stop", SOURCE)
    assert "no source 'nowhere'" in crews.read_log()


def test_killed_worker_leaves_no_crawl(shop: SampleShop, crews: ScraperProcesses) -> None:
    worker = crews.start("fleet")
    ask(crews, "start", SOURCE, "--url", shop.url)
    until(lambda: pages(crews) > 20)
    crews.kill(worker)
    until(lambda: crews.read_source(SOURCE).status.workers == 0)
    crews.start("fleet")
    until(lambda: mode(crews) is SourceMode.IDLE)
    assert len({key for _, key in crews.list_published()}) == 300


def test_run_begins_again_after_the_frontier_was_emptied(
    shop: SampleShop, crews: ScraperProcesses, redis_url: str
) -> None:
    child = crews.start("crawl", SOURCE, "--url", shop.url)
    until(lambda: pages(crews) > 60)
    prefix = crews.environment["BOOKSTREAM_FRONTIER_URL"].partition("prefix=")[2]
    with Redis.from_url(redis_url) as client:
        client.delete(*client.keys(f"{prefix}*"))
    assert child.wait(WITHIN) == 0
    assert crews.read_summary()["books"] == 300
    assert len(set(crews.list_published())) == 300


def test_one_retry_after_response_holds_the_host_for_the_fleet(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    children = [crews.start("crawl", SOURCE, "--url", shop.url) for _ in range(2)]
    until(lambda: pages(crews) > 60 and crews.read_source(SOURCE).status.workers == 2)
    watched = RequestMonitor(shop.url)
    shop.inject_fault("429", 1.0, path_prefix="/catalogue/", count=1)
    assert [child.wait(WITHIN) for child in children] == [0, 0]
    watched.stop()
    assert watched.compute_longest_silence() > 0.5
    assert len(crews.list_published()) == 300


def test_lost_frontier_is_rebuilt_from_the_catalogue(shop: SampleShop, crews: ScraperProcesses) -> None:
    crews.data.mkdir()
    catalogue_has(crews.data / "catalogue.db", [str(book["url"]) for book in shop.read_truth()[:40]])
    for turn, added in ((1, 40), (2, 0)):
        assert crews.start("rebuild", SOURCE, "--url", shop.url).wait(WITHIN) == 0
        assert crews.read_log(turn) == f"added {added} pages\n"
    assert crews.start("crawl", SOURCE, "--url", shop.url).wait(WITHIN) == 0
    assert len(crews.list_published()) == 300


def test_crawl_of_a_paused_source_is_refused_with_the_remedy(
    shop: SampleShop, crews: ScraperProcesses
) -> None:
    crews.apply_command(Action.START, SOURCE, shop.url)
    crews.apply_command(Action.PAUSE, SOURCE)
    assert crews.start("crawl", SOURCE, "--url", shop.url).wait(WITHIN) == 1
    assert "sample_shop is paused; `bookstream fleet resume sample_shop`" in crews.read_log()
