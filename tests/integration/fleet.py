"""Scrapers that share one frontier, log and lake, and a shop that counts what it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from urllib.request import urlopen

from bookcore.event_log import open_event_log
from bookcore.events.codec import decode, get_event_id
from bookcore.events.crawl import Action, CrawlCommand
from bookcore.events.topics import OBSERVED
from bookcore.lake import open_lake
from bookcore.lake.layout import unpack_lines
from scraper.fleet.control import SourceState, open_fleet

WITHIN = 120.0


@dataclass
class ScraperProcesses:
    """Processes of `python -m scraper`, with their output in files below `data`."""

    data: Path
    environment: Mapping[str, str]
    alive: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0
    logs: dict[int, Path] = field(default_factory=dict)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """One more; it inherits no setting."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.started += 1
        outside = {name: value for name, value in os.environ.items() if "BOOKSTREAM" not in name}
        path = self.data / f"scraper-{self.started}.log"
        with path.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "scraper", *words],
                env={**outside, **self.environment, "BOOKSTREAM_DATA": str(self.data)},
                stdout=output,
                stderr=output,
            )
        self.alive.append(child)
        self.logs[child.pid] = path
        return child

    def apply_command(self, action: Action, source: str, url: str | None = None) -> None:
        """Straight into the store, without the topic."""
        with closing(open_fleet(self.environment["BOOKSTREAM_FRONTIER_URL"])) as fleet:
            fleet.apply(CrawlCommand.issue(action, source, url=url, issued_by="test"))

    def read_source(self, source: str) -> SourceState:
        """How the source stands."""
        with closing(open_fleet(self.environment["BOOKSTREAM_FRONTIER_URL"])) as fleet:
            return fleet.read_source(source)

    def wait_until_all_work(self) -> None:
        """Until each process has said something or ended; a loaded machine is slow to start them."""
        deadline, pause = time.monotonic() + WITHIN, Event()
        while not all(child.poll() is not None or self._has_spoken(child) for child in self.alive):
            assert time.monotonic() < deadline
            pause.wait(0.05)

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """As kill -9."""
        child.kill()
        child.wait(WITHIN)
        self.alive.remove(child)

    def stop_all(self) -> None:
        """Whoever is left."""
        for child in self.alive:
            child.terminate()
        for child in self.alive:
            child.wait(WITHIN)

    def read_log(self, number: int = 1) -> str:
        """Output of the n-th process."""
        return (self.data / f"scraper-{number}.log").read_text()

    def _has_spoken(self, child: subprocess.Popen[bytes]) -> bool:
        return self.logs[child.pid].stat().st_size > 0

    def read_summary(self, number: int = 1) -> dict[str, object]:
        """Last line of the n-th process."""
        found: dict[str, object] = json.loads(self.read_log(number).splitlines()[-1])
        assert found["event"] == "summary"
        return found

    def list_published(self) -> list[tuple[str, str]]:
        """(event id, key) of every observation, in no order."""
        log = open_event_log(f"sqlite://{self.data}/log.db")
        try:
            found = [log.read(OBSERVED.name, each, 0, 200_000) for each in range(OBSERVED.partitions)]
            return [(get_event_id(decode(r).event), r.key) for records in found for r in records]
        finally:
            log.close()

    def read_ledger_ids(self) -> set[str]:
        """Event ids in the ledger."""
        lake = open_lake(f"file://{self.data}/lake")
        return {line["event_id"] for key in lake.list("ledger/") for line in unpack_lines(lake.get(key))}


@dataclass
class RequestMonitor:
    """How many requests a shop has answered, looked at ten times a second until `stop`."""

    address: str
    samples: list[tuple[float, int]] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(WITHIN)

    def compute_highest_rate(self, *, window: float) -> float:
        """Most requests a second in any stretch of about that many seconds."""
        rates = [0.0]
        for index, (begin, before) in enumerate(self.samples):
            later = next((look for look in self.samples[index:] if look[0] - begin >= window), None)
            if later:
                rates.append((later[1] - before) / (later[0] - begin))
        return max(rates)

    def compute_longest_silence(self, *, after: float = 0.0) -> float:
        """Seconds without a request."""
        longest, since, count = 0.0, self.samples[0][0], self.samples[0][1]
        for moment, answered in self.samples:
            if answered != count:
                since, count = moment, answered
            longest = max(longest, moment - since)
        return longest

    def _sample(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(OSError), urlopen(f"{self.address}_shop/requests", timeout=WITHIN) as answer:
                counts = json.loads(answer.read())["by_status"]
                self.samples.append((time.monotonic(), sum(counts.values())))
