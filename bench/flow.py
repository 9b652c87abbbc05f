"""One ingestor process on the real servers: how much it takes in, how soon it can be found, what it needs.

`eval "$(bookstream stack up)"`, then `python -m bench.flow [--books 20000 --books 500000] [--docs]`. Every
round has a topic prefix, bucket, schema and alias of its own.
"""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Annotated
from uuid import uuid4

import typer
from bench.pipeline import ProcessCost, measure_bare_spider, run_shop, start_program, wait_for_end
from bench.report import Figure, save_figures, write_docs_table
from bench.stores import build_observation

from bookcore.event_log import EventLog
from bookcore.event_log.consumer_loop import split_batches
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.codec import encode
from bookcore.events.topics import OBSERVED, STATE
from bookcore.kit.settings import read_settings
from bookcore.search import SearchIndex, SearchQuery, open_search_index
from bookstream.settings import Settings
from bookstream.status import read_pending
from bookstream.stores import Stores, open_stores
from ingestor.index import IndexSink
from sample_shop.shop import MOST_BOOKS, Shop

NEEDED = ("EVENT_LOG", "LAKE", "CATALOGUE", "SEARCH", "FRONTIER")
PIECE = 1_000
LOOK = 0.05  # seconds between two looks
PATIENCE = 300.0


@dataclass(frozen=True)
class Platform:
    """Programs on servers that are theirs alone."""

    data: Path
    environment: Mapping[str, str]

    @classmethod
    def create(cls, data: Path) -> "Platform":
        """Prepared by `ingestor migrate`."""
        own = f"bench{uuid4().hex[:10]}"
        given = {name: os.environ[f"BOOKSTREAM_{name}_URL"] for name in NEEDED}
        urls = {
            "EVENT_LOG": f"{given['EVENT_LOG']}?prefix={own}.",
            "LAKE": f"s3://{own}?{given['LAKE'].partition('?')[2]}",
            "CATALOGUE": f"{given['CATALOGUE']}?schema={own}",
            "SEARCH": f"{given['SEARCH'].rpartition('/')[0]}/{own}",
            "FRONTIER": f"{given['FRONTIER']}?prefix={own}:",
        }
        platform = cls(data / own, {f"BOOKSTREAM_{name}_URL": url for name, url in urls.items()})
        platform.data.mkdir()
        words = [sys.executable, "-m", "ingestor", "migrate"]
        subprocess.run(words, env=platform.build_environment, check=True, stdout=subprocess.DEVNULL)
        return platform

    @property
    def build_environment(self) -> dict[str, str]:
        """What its programs are started with."""
        return {**os.environ, **self.environment, "BOOKSTREAM_DATA": str(self.data)}

    @contextmanager
    def open_stores(self) -> Iterator[Stores]:
        """For looking."""
        urls = {name.removeprefix("BOOKSTREAM_").lower(): url for name, url in self.environment.items()}
        known = {name: url for name, url in urls.items() if name in Settings.model_fields}
        with open_stores(read_settings(Settings, data=self.data, **known)) as stores:
            yield stores

    @contextmanager
    def run_ingestor(self) -> Iterator[subprocess.Popen[bytes]]:
        """An ingestor, ended in order."""
        child = subprocess.Popen([sys.executable, "-m", "ingestor"], env=self.build_environment)
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait()


def publish(log: EventLog, numbers: Sequence[int], books: Shop) -> None:
    """Sightings of these books."""
    for first in range(0, len(numbers), PIECE):
        piece = numbers[first : first + PIECE]
        log.append(
            OBSERVED.name, [encode(build_observation(books, number), source="bench") for number in piece]
        )


def wait_until_settled(stores: Stores) -> None:
    """Wait until everything published can be found."""
    while not read_pending(stores).is_done:
        time.sleep(LOOK)


def measure_peak(child: subprocess.Popen[bytes]) -> float:
    """MB of memory at the most so far."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{child.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def measure_ingest(folder: Path, books: int) -> tuple[float, float, float]:
    """Books a second from topic to index, MB at the peak, documents a second from Kafka to Elasticsearch."""
    platform, stock = Platform.create(folder), Shop(books=min(books, MOST_BOOKS))
    with platform.open_stores() as stores:
        publish(stores.log, range(1, books + 1), stock)
        began = time.monotonic()
        with platform.run_ingestor() as child:
            wait_until_settled(stores)
            took, memory = time.monotonic() - began, measure_peak(child)
        alone = platform.environment["BOOKSTREAM_SEARCH_URL"] + "-alone"
        index = open_search_index(alone, writable=True)
        documents = measure_indexing(stores.log, index, books)
        index.close()
    return books / took, memory, documents


def measure_indexing(log: EventLog, index: SearchIndex, books: int) -> float:
    """Documents a second: the state topic by a group of its own into an empty index."""
    sink = IndexSink(index, DeadLetterQueue(log))
    consumer = log.create_consumer("bench.index", [STATE.name])
    done, began = 0, time.monotonic()
    while done < books:
        for batch in split_batches(consumer.poll(limit=PIECE, timeout=1)):
            sink.handle(batch)
            done += len(batch.records)
    took = time.monotonic() - began
    consumer.close()
    return books / took


def measure_delays(folder: Path, rate: float, seconds: float) -> list[float]:
    """Seconds from published to found, of one book in each tenth of a second, at that many books a second."""
    per_turn, turns = max(1, round(rate / 10)), int(seconds * 10)
    platform, stock = Platform.create(folder), Shop(books=min(per_turn * turns + PIECE, MOST_BOOKS))
    marks: dict[str, float] = {}
    with platform.open_stores() as stores, platform.run_ingestor():
        publish(stores.log, range(1, PIECE), stock)
        wait_until_settled(stores)
        began = time.monotonic()

        def steadily() -> None:
            for turn in range(turns):
                time.sleep(max(0.0, began + turn / 10 - time.monotonic()))
                first = PIECE + turn * per_turn
                publish(stores.log, range(first, first + per_turn), stock)
                marks[stock.edition(first + per_turn - 1).upc] = time.monotonic()

        publisher = Thread(target=steadily)
        publisher.start()
        return _watch(stores.index, marks, publisher)


def _watch(index: SearchIndex, marks: dict[str, float], publisher: Thread) -> list[float]:
    found: dict[str, float] = {}
    deadline = time.monotonic() + PATIENCE
    while publisher.is_alive() or len(found) < len(marks):
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(marks) - len(found)} books can't be found")
        for upc, published in list(marks.items()):
            if upc not in found and index.search(SearchQuery(upc, limit=1)).total:
                found[upc] = time.monotonic() - published
        time.sleep(LOOK)
    return list(found.values())


def measure_crawl(folder: Path, books: int) -> tuple[ProcessCost, ProcessCost]:
    """The scraper acknowledged by Kafka, pages in a folder; and the bare spider writing a file."""
    platform = Platform.create(folder)
    log = {"BOOKSTREAM_EVENT_LOG_URL": platform.environment["BOOKSTREAM_EVENT_LOG_URL"]}
    with run_shop(books) as url:
        began = time.monotonic()
        words = ["-m", "scraper", "crawl", "sample_shop", "--url", url]
        ours = wait_for_end(start_program(words, platform.data, platform.data / "out", **log), began)
        return ours, measure_bare_spider(url, folder / f"bare{uuid4().hex}")


def measure_figures(folder: Path, sizes: Sequence[int], rounds: int) -> Iterator[Figure]:
    """All of them, the quick ones first."""
    crawls = [measure_crawl(folder, 1_000) for _ in range(rounds)]
    ratio = statistics.median(peer.cpu / ours.cpu for ours, peer in crawls)
    yield Figure("crawl with Kafka's acknowledgement against the bare spider, CPU", ratio, "x", 0.9)
    walls = statistics.median(peer.wall / ours.wall for ours, peer in crawls)
    yield Figure("the same, wall", walls, "x")
    done = {size: measure_ingest(folder, size) for size in sizes}
    for size, (rate, memory, documents) in done.items():
        yield Figure(f"topic to lake, catalogue and index, {size} books", rate, "books/s")
        yield Figure(f"Kafka to Elasticsearch alone, {size} books", documents, "documents/s")
        yield Figure(f"peak memory of the ingestor, {size} books", memory, "MB")
    small, large = done[min(sizes)], done[max(sizes)]
    yield Figure("memory of the ingestor, most books over least", large[1] / small[1], "x", 1.2, at_most=True)
    half = done[min(sizes)][0] / 2
    cuts = statistics.quantiles(measure_delays(folder, half, seconds=30), n=100)
    for percent in (50, 99):
        name = f"from published to found at half load ({half:.0f} books/s), p{percent}"
        yield Figure(name, cuts[percent - 1], "s", 5 if percent == 99 else None, at_most=True)


def main(
    *,
    books: Annotated[list[int] | None, typer.Option(help="Sizes; repeatable.")] = None,
    rounds: Annotated[int, typer.Option(help="Of the crawl.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measure and print one line per figure: name value unit goal ok|short."""
    missing = [name for name in NEEDED if f"BOOKSTREAM_{name}_URL" not in os.environ]
    if missing:
        raise SystemExit('the servers are not in the environment: eval "$(bookstream stack up)" first')
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for figure in measure_figures(Path(folder), sorted(books or [20_000, 500_000]), rounds):
            print(figure, flush=True)
            figures.append(figure)
    save_figures("flow", figures)
    if docs:
        write_docs_table("flow", figures, command="python -m bench flow")


if __name__ == "__main__":
    typer.run(main)
