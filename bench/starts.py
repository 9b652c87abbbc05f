"""What a process start costs: CPU seconds until a program has printed its help or imported its modules.

`python -m bench starts [--rounds 5] [--docs]`
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from bench.pipeline import wait_for_end
from bench.report import Figure, save_figures, write_docs_table

PROGRAMS: Mapping[str, Sequence[str]] = {
    "python alone": ["-c", "pass"],
    "bookstream --help": ["-m", "bookstream", "--help"],
    "bookstream crawl --help": ["-m", "bookstream", "crawl", "--help"],
    "bookstream status --help": ["-m", "bookstream", "status", "--help"],
    "scraper --help": ["-m", "scraper", "--help"],
    **{
        f"{name}, imports": ["-c", f"import {name.replace('-', '_')}.__main__"]
        for name in ("ingestor", "books-api", "search-api", "ml-api", "gateway", "sample-shop")
    },
}


def measure_start(words: Sequence[str]) -> float:
    """CPU seconds."""
    child = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    return wait_for_end(child, time.monotonic()).cpu


def main(
    *,
    rounds: Annotated[int, typer.Option(help="The least of so many counts.")] = 5,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measure and print one line per figure: name value unit goal ok|short."""
    costs: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, words in PROGRAMS.items():
            costs[name].append(measure_start(words))
    figures = [Figure(f"start, {name}", min(found), "CPU s") for name, found in costs.items()]
    print("\n".join(str(figure) for figure in figures))
    save_figures("starts", figures)
    if docs:
        write_docs_table("starts", figures, command="python -m bench starts")


if __name__ == "__main__":
    typer.run(main)
