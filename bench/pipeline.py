"""How fast a crawl is, against two spiders on the same pages, and how long until books are searchable.

`python -m bench.pipeline [--books 1000 --books 20000] [--rounds 3] [--docs]`
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from bench.report import Figure, save_figures, write_docs_table

from bookstream.settings import Settings
from bookstream.status import read_pending
from bookstream.stores import open_stores

HERE = Path(__file__).parent


@dataclass(frozen=True)
class ProcessCost:
    """What a process took until its end: wall and CPU seconds, peak memory in MB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Round:
    """One crawl by ours, one by each peer, and one through the whole pipeline."""

    pages: int
    books: int
    ours: ProcessCost
    bare: ProcessCost
    tuned: ProcessCost
    end_to_end: float
    scraper: ProcessCost
    ingestor: ProcessCost


def wait_for_end(child: subprocess.Popen[bytes], started: float) -> ProcessCost:
    """Wait for the end; raises when it failed."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{child.args!r} ended with code {child.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return ProcessCost(time.monotonic() - started, cpu, usage.ru_maxrss / 1024)


def start_program(words: Sequence[str], data: Path, output: Path, **more: str) -> subprocess.Popen[bytes]:
    """A Python program on a data folder; of the environment's Bookstream settings it has `more` alone."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BOOKSTREAM_")}
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, *words], stdout=file, env={**outside, **more, "BOOKSTREAM_DATA": str(data)}
        )


@contextmanager
def run_shop(books: int) -> Iterator[str]:
    """A quiet sample shop."""
    command = [sys.executable, "-m", "sample_shop", "serve", "--port", "0", "--books", str(books)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield child.stdout.readline().split()[-1]
    finally:
        child.terminate()
        child.wait()


def measure_crawl(url: str, data: Path) -> tuple[ProcessCost, dict[str, float]]:
    """Our scraper alone: events acknowledged, pages stored."""
    data.mkdir()
    output, started = data / "out", time.monotonic()
    child = start_program(["-m", "scraper", "crawl", "sample_shop", "--url", url], data, output)
    cost = wait_for_end(child, started)
    summary: dict[str, float] = json.loads(output.read_text().splitlines()[-1])
    return cost, summary


def measure_bare_spider(url: str, folder: Path) -> ProcessCost:
    """The peer."""
    folder.mkdir()
    started = time.monotonic()
    words = [str(HERE / "bare_spider.py"), url, str(folder / "books.jsonl")]
    return wait_for_end(start_program(words, folder, folder / "out"), started)


def measure_tuned_spider(url: str, folder: Path) -> ProcessCost:
    """The tuned peer, which stores nothing."""
    folder.mkdir()
    started = time.monotonic()
    return wait_for_end(start_program([str(HERE / "tuned_spider.py"), url], folder, folder / "out"), started)


def measure_pipeline(url: str, data: Path) -> tuple[float, ProcessCost, ProcessCost]:
    """Crawl and ingest side by side: seconds until all is searchable, then what each process took."""
    data.mkdir()
    started = time.monotonic()
    ingestor = start_program(["-m", "ingestor"], data, data / "ingestor.out")
    scraper = start_program(["-m", "scraper", "crawl", "sample_shop", "--url", url], data, data / "out")
    scraper_cost = wait_for_end(scraper, started)
    with open_stores(Settings(data=data)) as stores:
        while not read_pending(stores).is_done:
            time.sleep(0.02)
    seconds = time.monotonic() - started
    ingestor.send_signal(signal.SIGTERM)
    return seconds, scraper_cost, wait_for_end(ingestor, started)


def run_round(url: str) -> Round:
    """Everything once, each on fresh data."""
    folder = Path(tempfile.mkdtemp(prefix="bookstream-bench-"))
    try:
        ours, summary = measure_crawl(url, folder / "ours")
        peer = measure_bare_spider(url, folder / "bare")
        tuned = measure_tuned_spider(url, folder / "tuned")
        seconds, scraper, ingestor = measure_pipeline(url, folder / "whole")
    finally:
        shutil.rmtree(folder)
    return Round(
        pages=int(summary["pages"]),
        books=int(summary["books"]),
        ours=ours,
        bare=peer,
        tuned=tuned,
        end_to_end=seconds,
        scraper=scraper,
        ingestor=ingestor,
    )


def build_figures(books: int, rounds: Sequence[Round]) -> list[Figure]:
    """Medians over the rounds."""

    def median(name: str) -> float:
        values = {
            "pages/s": [r.pages / r.ours.wall for r in rounds],
            "books/s": [r.books / r.ours.wall for r in rounds],
            "books/s/core": [r.books / r.ours.cpu for r in rounds],
            "ratio": [r.bare.cpu / r.ours.cpu for r in rounds],
            "bare": [r.books / r.bare.cpu for r in rounds],
            "tuned": [r.books / r.tuned.cpu for r in rounds],
            "tuned ratio": [r.tuned.cpu / r.ours.cpu for r in rounds],
            "seconds": [r.end_to_end for r in rounds],
            "scraper": [r.scraper.peak for r in rounds],
            "ingestor": [r.ingestor.peak for r in rounds],
            "ingest": [r.ingestor.cpu / r.books * 1000 for r in rounds],
        }
        return statistics.median(values[name])

    at = f"{books} books"
    return [
        Figure(f"crawl, {at}", median("pages/s"), "pages/s"),
        Figure(f"crawl, {at}, wall", median("books/s"), "books/s"),
        Figure(f"crawl with acknowledged events, {at}", median("books/s/core"), "books/s/core", 350),
        Figure(f"bare spider to JSONL, {at}", median("bare"), "books/s/core"),
        Figure(f"crawl against the bare spider, CPU, {at}", median("ratio"), "x", 0.9),
        Figure(f"tuned spider without storage, {at}", median("tuned"), "books/s/core"),
        Figure(f"crawl against the tuned spider, CPU, {at}", median("tuned ratio"), "x"),
        Figure(f"from start to all searchable, {at}", median("seconds"), "s"),
        Figure(f"ingestor, {at}", median("ingest"), "CPU ms/book"),
        Figure(f"peak memory of the scraper, {at}", median("scraper"), "MB"),
        Figure(f"peak memory of the ingestor, {at}", median("ingestor"), "MB"),
    ]


def compute_growth(sizes: Sequence[int], rounds: dict[int, list[Round]]) -> list[Figure]:
    """Peak memory at the largest crawl over that at the smallest."""
    small, large = rounds[min(sizes)], rounds[max(sizes)]
    peaks = {
        "scraper": ([r.scraper.peak for r in small], [r.scraper.peak for r in large]),
        "ingestor": ([r.ingestor.peak for r in small], [r.ingestor.peak for r in large]),
    }
    return [
        Figure(
            f"memory of the {name}, largest over smallest crawl",
            statistics.median(most) / statistics.median(least),
            "x",
            1.5,
            at_most=True,
        )
        for name, (least, most) in peaks.items()
    ]


def main(
    *,
    books: Annotated[list[int] | None, typer.Option(help="Sizes of the shop; repeatable.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds at the smallest size; the others run once.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measure and print one line per figure: name value unit goal ok|short."""
    sizes = sorted(books or [1_000, 20_000])
    done: dict[int, list[Round]] = {}
    figures: list[Figure] = []
    for size in sizes:
        with run_shop(size) as url:
            done[size] = [run_round(url) for _ in range(rounds if size == sizes[0] else 1)]
        figures += build_figures(size, done[size])
        print("\n".join(str(figure) for figure in build_figures(size, done[size])), flush=True)
    figures += compute_growth(sizes, done)
    print("\n".join(str(figure) for figure in compute_growth(sizes, done)))
    save_figures("pipeline", figures)
    if docs:
        write_docs_table("pipeline", figures, command="python -m bench pipeline")


if __name__ == "__main__":
    typer.run(main)
