"""A worker crawls the sources that have a schedule, and says nothing of the others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from tests.promises import carries
from tests.unit.scraper.test_runs import read_reports

from bookcore.events.crawl import RunOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.scraper.conftest import RunningShop, Scraper

_WITHIN = 60.0
_TOML = """page_objects = "books_toscrape"
start = ["{}"]
index_file = "index.html"
allows_private_addresses = true
"""


@contextmanager
def run_worker(scraper: Scraper, **settings: str) -> Iterator[None]:
    """`python -m scraper fleet`, which `bookstream up` starts when a source has a schedule."""
    environment = {name: value for name, value in os.environ.items() if "BOOKSTREAM" not in name}
    wanted = {f"BOOKSTREAM_{name.upper()}": value for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "scraper", "fleet"],
        env={**environment, "BOOKSTREAM_DATA": str(scraper.data), **wanted},
    ) as worker:
        yield
        worker.terminate()


def write_source(scraper: Scraper, name: str, start: str, schedule: str = "") -> None:
    folder = scraper.data / "sources" / name
    folder.mkdir(parents=True)
    (folder / "source.toml").write_text(_TOML.format(start) + schedule)


@carries("scheduled")
def test_worker_crawls_a_source_that_is_due_and_no_other(scraper: Scraper, shop: RunningShop) -> None:
    write_source(scraper, "hourly", shop.address, '[schedule]\nevery = "1h"\n')
    write_source(scraper, "by_hand", shop.address)
    with run_worker(scraper):
        deadline, pause = time.monotonic() + _WITHIN, Event()
        while not (scraper.data / "log.db").exists() or not any(
            report.outcome is RunOutcome.COMPLETE for report in read_reports(scraper)
        ):
            assert time.monotonic() < deadline
            pause.wait(0.2)
    reports = read_reports(scraper)
    assert {report.source for report in reports} == {"hourly"}
    assert len({report.run for report in reports}) == 1
    last = reports[-1]
    assert (last.schedule, last.books) == ("every 1h", 25)
    assert last.next_due is not None
    assert (last.next_due - last.started_at).total_seconds() == 3_600
