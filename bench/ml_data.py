"""The feature store in figures: online reads, a point-in-time join, and an export of a million rows."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import Figure

from bookcore.lake import open_lake
from bookml import snapshot
from bookml.facts import BookFacts
from bookml.history import PREFIX, connect
from bookml.online import StoredFacts, open_online_store
from bookml.point_in_time import join_history

ENTITIES, HISTORY, MILLION = 100_000, 500_000, 1_000_000
_ROW = """SELECT 'million:' || printf('%07d', i) AS id, 'million' AS source, i::BIGINT AS event_time,
    i::BIGINT AS available_at, false AS deleted, (i % 90 + 10)::DECIMAL(18,4) AS price, 'GBP' AS currency,
    'w' || i AS work, json_object('title', 'Book ' || i, 'category', 'Shelf ' || i % 50,
    'description', repeat('word ' || i || ' ', 20)) AS facts FROM range({first}, {last}) t(i)"""


def measure_online_store() -> list[Figure]:
    """One book by key, out of 20,000, on SQLite."""
    with TemporaryDirectory() as folder:
        store = open_online_store(f"sqlite:///{folder}/online.db")
        facts = BookFacts(title="The lamp", description="word " * 200)
        store.put([StoredFacts(f"shop:{n}", 1, "9.90", "GBP", facts) for n in range(20_000)])
        took = []
        for n in range(2_000):
            began = time.perf_counter()
            store.get([f"shop:{n * 7 % 20_000}"])
            took.append((time.perf_counter() - began) * 1_000)
        store.close()
    return [Figure("online features of a book, p50", statistics.median(took), "ms", 1, at_most=True)]


def measure_point_in_time() -> list[Figure]:
    """100,000 (book, moment) pairs on 500,000 states."""
    with connect(threads=os.cpu_count() or 1) as duck:
        duck.execute(
            "CREATE TABLE history AS SELECT 'shop:' || (i % 50000) AS id, i::BIGINT AS available_at,"
            " (i * 7919 % 500000)::BIGINT AS event_time, (i % 90)::DECIMAL(18,4) AS price, false AS deleted"
            f" FROM range({HISTORY}) t(i)"
        )
        duck.execute(
            "CREATE TABLE entities AS SELECT i AS place, 'shop:' || (i % 50000) AS id,"
            f" (i * 31 % {HISTORY})::BIGINT AS moment FROM range({ENTITIES}) t(i)"
        )
        took = []
        for _ in range(3):
            began = time.perf_counter()
            rows = join_history(duck).aggregate("count(*)").fetchall()
            took.append(time.perf_counter() - began)
            if rows != [(ENTITIES,)]:
                raise RuntimeError(f"{rows} rows instead of {ENTITIES}")
    return [Figure("point-in-time join, 100,000 on 500,000", statistics.median(took), "s", 1, at_most=True)]


def measure_export() -> list[Figure]:
    """Peak memory of a process that exports a million rows, against one that exports a tenth."""
    with TemporaryDirectory() as folder:
        url = f"file://{folder}/lake"
        lake = open_lake(url)
        for first in range(0, MILLION, 100_000):
            lake.put(
                f"{PREFIX}p-00000-{first:015d}-{first + 100_000:015d}.parquet",
                build_part(Path(folder), first),
            )
        manifest = snapshot.create_snapshot(lake, "million")
        figures = {}
        for rows in (MILLION // 10, MILLION):
            began = time.perf_counter()
            command = [sys.executable, "-m", "bench.ml_export", url, manifest.id, str(rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            size, kilobytes = map(int, done.stdout.split())
            figures[rows] = (size, kilobytes / 1024, time.perf_counter() - began)
    size, peak, seconds = figures[MILLION]
    return [
        Figure("training data, a million rows", size / 1e6 / seconds, "MB/s"),
        Figure("training data, a million rows, peak memory", peak, "MB"),
        Figure(
            "memory of a million rows over a tenth", peak / figures[MILLION // 10][1], "x", 1.2, at_most=True
        ),
    ]


def build_part(folder: Path, first: int) -> bytes:
    path = folder / "part.parquet"
    with connect() as duck:
        query = _ROW.format(first=first, last=first + 100_000)
        duck.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    return path.read_bytes()
