"""A shop of our own in a process, and the scraper as its user runs it, in another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.warm import run_warm

from bookcore.event_log import open_event_log
from bookcore.events.book import BookObserved
from bookcore.events.codec import decode
from bookcore.events.message import Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import open_lake
from bookcore.lake.layout import unpack_lines

_SECONDS = 90


@dataclass(frozen=True)
class RunningShop:
    """A running sample shop; `address` ends with a slash."""

    address: str

    def inject_fault(
        self, kind: str, *, share: float = 1.0, path: str = "/", count: int | None = None
    ) -> None:
        """Something goes wrong from now on."""
        wanted = {"kind": kind, "share": share, "path_prefix": path, "count": count, "seconds": 60}
        self._call("_shop/faults", "POST", json.dumps(wanted).encode())

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self._call("_shop/faults", "DELETE")

    def change_books(self, books: int) -> set[str]:
        """Move prices or stock; the addresses of the books."""
        return {change["url"] for change in json.loads(self._call(f"_shop/change?books={books}", "POST"))}

    def count_by_status(self) -> dict[str, int]:
        """How often it answered what, since it opened."""
        counts: dict[str, int] = json.loads(self._call("_shop/requests", "GET"))["by_status"]
        return counts

    def _call(self, path: str, method: str, body: bytes | None = None) -> bytes:
        request = Request(self.address + path, data=body, method=method)
        with urlopen(request, timeout=10) as answer:
            content: bytes = answer.read()
        return content


@dataclass(frozen=True)
class CrawlOutcome:
    """A crawl that has ended."""

    code: int
    lines: list[dict[str, Any]]  # Any: JSON as it came
    error: str

    @property
    def summary(self) -> dict[str, Any]:
        """The last line."""
        assert self.lines[-1]["event"] == "summary", self.error
        return self.lines[-1]


@dataclass(frozen=True)
class Scraper:
    """The command, with a data folder of its own."""

    data: Path

    def start(self, url: str | None, **settings: str | float) -> subprocess.Popen[str]:
        """Begin a crawl of books_toscrape and don't wait."""
        return subprocess.Popen(
            [sys.executable, "-m", *_list_words("books_toscrape", url)],
            env=self._build_environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def crawl(
        self, url: str | None, *, source: str = "books_toscrape", **settings: str | float
    ) -> CrawlOutcome:
        """One crawl to its end."""
        environment = self._build_environment(settings)
        done = run_warm(*_list_words(source, url), environment=environment, seconds=_SECONDS)
        return _read_outcome(done.returncode, done.stdout, done.stderr)

    def wait(self, process: subprocess.Popen[str]) -> CrawlOutcome:
        """What became of a crawl that was begun."""
        out, error = process.communicate(timeout=_SECONDS)
        return _read_outcome(process.returncode, out, error)

    def _build_environment(self, settings: Mapping[str, str | float]) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if "BOOKSTREAM" not in name}
        wanted = {f"BOOKSTREAM_{name.upper()}": str(value) for name, value in settings.items()}
        return {**environment, "BOOKSTREAM_DATA": str(self.data), **wanted}

    def kill_at(self, point: str, url: str) -> None:
        """A crawl in small batches that dies at the crash point, as by kill -9."""
        assert self.crawl(url, crash_at=point, scraper_batch=8).code == -signal.SIGKILL

    def read_records(self) -> list[Record]:
        """Everything in the topic of observations."""
        log = open_event_log(f"sqlite://{self.data}/log.db")
        try:
            found = [log.read(OBSERVED.name, each, 0, 100_000) for each in range(OBSERVED.partitions)]
        finally:
            log.close()
        return [record for records in found for record in records]

    def read_events(self) -> list[BookObserved]:
        """The same, decoded."""
        found = [decode(record).event for record in self.read_records()]
        return [event for event in found if isinstance(event, BookObserved)]

    def read_contents(self) -> set[tuple[str, str]]:
        """What was observed, whatever how often."""
        return {(event.key, event.content_hash) for event in self.read_events()}

    def read_ledger(self) -> list[dict[str, str]]:
        """What crawls were told is safe."""
        lake = open_lake(f"file://{self.data}/lake")
        return [line for key in lake.list("ledger/") for line in unpack_lines(lake.get(key))]


def _list_words(source: str, url: str | None) -> list[str]:
    return ["scraper", "crawl", source, *(["--url", url] if url else [])]


def _read_outcome(code: int, out: str, error: str) -> CrawlOutcome:
    return CrawlOutcome(code, [json.loads(line) for line in out.splitlines()], error)


@pytest.fixture(scope="module")
def open_shop() -> Iterator[RunningShop]:
    """25 books, on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sample_shop", "serve", "--port", "0", "--books", "25"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    yield RunningShop(line[line.index("http") :].strip())
    process.terminate()
    process.wait(timeout=_SECONDS)
    process.stdout.close()


@pytest.fixture
def shop(open_shop: RunningShop) -> Iterator[RunningShop]:
    """The shop in order, before and after."""
    open_shop.clear_faults()
    yield open_shop
    open_shop.clear_faults()


@pytest.fixture
def scraper(tmp_path: Path) -> Scraper:
    """With nothing crawled yet."""
    return Scraper(tmp_path / "data")
