"""How many pages a second three processes lease from one Valkey and finish, and what a page costs the server.

`python -m bench.frontier --url redis://127.0.0.1:6379/0 [--pages 60000] [--rounds 3] [--docs]`
"""

import secrets
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, cast

import typer
from bench.report import Figure, save_figures, write_docs_table
from redis import Redis

from scraper.frontier import CrawlLimits, FinishedPage, Frontier, PageKind, PageSnapshot, open_frontier

PROCESSES = 3
_KNOWN = PageSnapshot('"tag"', "Mon, 04 May 2026 12:00:00 GMT", f"pages/aa/{'a' * 64}.zst", "b" * 64)


@dataclass(frozen=True)
class Round:
    """Pages a second over all processes, and bytes of the server's memory for each page."""

    added: float
    leased: float
    leased_and_finished: float
    bytes_a_page: float


def join_run(url: str) -> Frontier:
    """On the one run; leases outlast the round."""
    frontier = open_frontier(url, "bench", CrawlLimits(host="bench", lease_seconds=600))
    frontier.begin_run(site="bench", extractor="bench", now=datetime.now(UTC))
    return frontier


def drain(url: str, limit: int, begin_at: float, is_finishing: bool) -> tuple[int, float]:  # noqa: FBT001 - mapped
    """One process: lease until nothing waits; (pages, time at the end)."""
    with closing(join_run(url)) as frontier:
        time.sleep(max(0.0, begin_at - time.time()))
        pages = 0
        while leased := frontier.lease_pages(limit).pages:
            pages += len(leased)
            if is_finishing:
                frontier.finish_pages(
                    [FinishedPage(page, _KNOWN, is_published=True) for page in leased], next_segment=1
                )
        return pages, time.time()


def measure_rate(url: str, pages: int, *, limit: int, is_finishing: bool) -> tuple[float, float]:
    """Fill a frontier, then let the processes empty it: pages added and leased a second."""
    with closing(join_run(url)) as frontier:
        started = time.monotonic()
        for first in range(0, pages, 50):
            urls = [
                f"http://127.0.0.1:8090/catalogue/a-book_{n}/index.html" for n in range(first, first + 50)
            ]
            frontier.add_pages(PageKind.BOOK, urls, depth=3)
        added = pages / (time.monotonic() - started)
    begin_at = time.time() + 2
    with ProcessPoolExecutor(PROCESSES) as pool:
        done = [pool.submit(drain, url, limit, begin_at, is_finishing) for _ in range(PROCESSES)]
        results = [each.result() for each in done]
    assert sum(number for number, _ in results) == pages, "a page was lost or handed out twice"
    return added, pages / (max(end for _, end in results) - begin_at)


def run_round(url: str, pages: int) -> Round:
    """Everything once, each on keys of its own that are gone at the end."""
    prefix = f"bench-{secrets.token_hex(4)}"
    with Redis.from_url(url) as client:
        added, leased = measure_rate(f"{url}?prefix={prefix}-a:", pages, limit=64, is_finishing=False)
        _, finished = measure_rate(f"{url}?prefix={prefix}-b:", pages, limit=64, is_finishing=True)
        kept = 0
        for key in client.scan_iter(f"{prefix}*"):
            kept += cast(int, client.memory_usage(key, samples=1_000)) if b"-b:" in key else 0
            client.unlink(key)
    return Round(added, leased, finished, kept / pages)


def main(
    url: Annotated[str, typer.Option(help="A Valkey or Redis, without a prefix.")],
    *,
    pages: Annotated[int, typer.Option(help="In the frontier.")] = 60_000,
    rounds: Annotated[int, typer.Option(help="Medians are quoted.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table in docs/benchmarks.md.")] = False,
) -> None:
    """Print the figures and keep them in bench/results/frontier.json."""
    done = [run_round(url, pages) for _ in range(rounds)]

    def median(name: str) -> float:
        return float(statistics.median(getattr(each, name) for each in done))

    figures = [
        Figure(f"leases, {PROCESSES} processes, 64 at a time", median("leased"), "pages/s", goal=10_000),
        Figure("leases, each then finished", median("leased_and_finished"), "pages/s"),
        Figure("discovery, 50 links at a time, 1 process", median("added"), "pages/s"),
        Figure("memory of the server for a page", median("bytes_a_page"), "bytes"),
    ]
    for figure in figures:
        print(figure)
    save_figures("frontier", figures)
    if docs:
        write_docs_table("frontier", figures, command="python -m bench frontier")


if __name__ == "__main__":
    typer.run(main)
