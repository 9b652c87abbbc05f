"""`make bench-ml`: what the models are worth, and what it costs to ask them.

The tables are those that BOOKSTREAM_TEST_DATA names; without it only figures that need no table are taken.
"""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

from bench.ml_data import measure_export, measure_online_store, measure_point_in_time
from bench.ml_serving import measure_serving
from bench.report import Figure, save_figures, write_docs_table

from bookcore.lake import open_lake
from bookml import snapshot

COMMAND = "make bench-ml"
TABLES = {
    "toscrape_table": "books_toscrape_table/books_1000.csv.gz",
    "serbian_bookshop": "serbian_bookshop/books.csv.gz",
    "waterstones": "waterstones/waterstones_4866_cleaned.csv.gz",
    "machinehack": "machinehack_book_price/train_6237.csv.gz",
}
_QUESTIONS = 500
_SCRATCH = Path(__file__).parents[1] / "var" / "bench-ml"


def main() -> None:
    """Print, keep, and with --docs show in docs/benchmarks.md."""
    _SCRATCH.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    for part in (measure_online_store, measure_point_in_time, measure_export):
        figures += print_figures(part())
    shared = os.environ.get("BOOKSTREAM_TEST_DATA")
    if shared:
        data = _SCRATCH / "data"
        import_table(data, Path(shared))
        for source in TABLES:
            figures += print_figures(measure_quality(data, source))
        lake = open_lake(f"file://{data}/lake")
        manifest = next(m for m in snapshot.list_snapshots(lake) if m.source == "serbian_bookshop")
        books = [example.facts for example in islice(snapshot.stream_rows(lake, manifest), _QUESTIONS)]
        figures += print_figures(
            measure_serving(data, _SCRATCH, name="price-serbian_bookshop-rsd", books=books)
        )
    save_figures("ml", figures)
    if "--docs" in sys.argv:
        write_docs_table("ml", figures, command=COMMAND)


def measure_quality(data: Path, source: str) -> list[Figure]:
    """Train once; figures out of fold, by work."""
    command = [sys.executable, "-m", "bookstream", "train", "--source", source, "--data", str(data), "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    metrics = told["metrics"]
    passed = float(told["decision"] != "refused" and metrics["gain_low"] > 0)
    if source == "toscrape_table":
        return [
            Figure("toscrape: refused", 1 - passed, "", 1),
            Figure("toscrape: gain over the mean", 100 * metrics["gain"], "%"),
        ]
    figures = [
        Figure(f"{source}: passed", passed, "", 1),
        Figure(f"{source}: gain over the mean", 100 * metrics["gain"], "%"),
        Figure(f"{source}: gain, 95 % interval, low", 100 * metrics["gain_low"], "%", 2),
        Figure(f"{source}: gain, 95 % interval, high", 100 * metrics["gain_high"], "%"),
        Figure(f"{source}: RMSLE", metrics["rmsle"], ""),
        Figure(
            f"{source}: coverage less 0.90, absolute", abs(metrics["coverage"] - 0.9), "", 0.01, at_most=True
        ),
        Figure(
            f"{source}: coverage, worst category of 100 books or more", metrics["coverage_worst"], "", 0.88
        ),
    ]
    if source == "machinehack":
        figures.append(Figure("machinehack: 1 - RMSLE(log10)", metrics["one_minus_rmsle_log10"], "", 0.781))
    return figures


def import_table(data: Path, shared: Path) -> None:
    """Import the tables and let an ingestor take them, as anybody would."""
    if data.exists():
        subprocess.run(["/bin/rm", "-r", str(data)], check=True)
    for name, file in TABLES.items():
        words = ["import", str(shared / file), "--mapping", name, "--data", str(data)]
        subprocess.run([sys.executable, "-m", "bookstream", *words], check=True, stdout=subprocess.DEVNULL)
    environment = {**os.environ, "BOOKSTREAM_DATA": str(data)}
    child = subprocess.Popen([sys.executable, "-m", "ingestor"], env=environment, stderr=subprocess.DEVNULL)
    try:
        status = [sys.executable, "-m", "bookstream", "status", "--data", str(data), "--json"]
        while True:
            told = json.loads(subprocess.run(status, check=True, capture_output=True, text=True).stdout)
            if told["settled"] and told["books"]:
                return
    finally:
        child.terminate()
        child.wait(30)


def print_figures(figures: list[Figure]) -> list[Figure]:
    for figure in figures:
        print(figure, flush=True)
    return figures


if __name__ == "__main__":
    main()
