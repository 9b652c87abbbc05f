"""The offline feature store: every state of every book with event time and time of availability.

Parts are immutable Parquet files in the lake, named by their offsets of the state topic:

    ml/history/p-<partition>-<first>-<next>.parquet

A row has `event_time` (the observation's microsecond) and `available_at` (when the topic got it). A
late correction has an old event_time and a late available_at: earlier training sets don't contain it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import orjson

from bookcore.domain.book import to_version
from bookcore.domain.errors import Invalid
from bookcore.event_log import Consumer, EventLog, Position
from bookcore.event_log.consumer_loop import split_batches
from bookcore.events.book import BookGone, BookState
from bookcore.events.codec import decode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import STATE
from bookcore.lake import Lake
from bookml.facts import extract_facts

GROUP = "bookml.history"
PREFIX = "ml/history/"
COLUMNS = {
    "id": "VARCHAR",
    "source": "VARCHAR",
    "event_time": "BIGINT",
    "available_at": "BIGINT",
    "deleted": "BOOLEAN",
    "price": "DECIMAL(18,4)",
    "currency": "VARCHAR",
    "work": "VARCHAR",
    "facts": "VARCHAR",
}
"""`price` is exact, null for a book without one; `facts` is Facts as JSON; times are microseconds since 1970
UTC.
"""
_BATCH = 5_000
_PART = re.compile(r"/p-(\d+)-(\d+)-(\d+)\.parquet$")


def update_history(log: EventLog, lake: Lake) -> int:
    """Copy new records of the state topic into the history; their number.

    Idempotent by offset: parts may overlap after a crash, and equal rows count once.
    """
    consumer = log.create_consumer(GROUP, [STATE.name])
    count = 0
    try:
        while records := _poll_until_idle(consumer, log):
            for batch in split_batches(records):
                store_batch(lake, batch)
                consumer.commit([Position(batch.topic, batch.partition, batch.next)])
            count += len(records)
    finally:
        consumer.close()
    return count


def _poll_until_idle(consumer: Consumer, log: EventLog) -> Sequence[Record]:
    """Poll until there are records or no lag: a group that is joining returns none at first."""
    while True:
        records = consumer.poll(limit=_BATCH, timeout=0.2)
        if records or not any(part.lag for part in log.read_progress(STATE.name, GROUP)):
            return records


def store_batch(lake: Lake, batch: Batch) -> None:
    """Store one batch as a part; unreadable records are skipped (the ingestor parks them)."""
    rows = [row for record in batch.records if (row := _build_row(record)) is not None]
    if rows:
        name = f"{PREFIX}p-{batch.partition:05d}-{batch.first:015d}-{batch.next:015d}.parquet"
        lake.put(name, write_parquet(rows, COLUMNS))


def write_parquet(rows: Sequence[dict[str, object]], columns: dict[str, str]) -> bytes:
    """Rows as Parquet; the same rows give the same bytes."""
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "rows.jsonl", Path(folder) / "rows.parquet"
        source.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
        with connect() as duck:
            kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
            duck.execute(
                f"COPY (SELECT * FROM read_json('{source}', format='newline_delimited', columns={{{kinds}}}))"  # noqa: S608 - ours
                f" TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
            )
        return target.read_bytes()


@contextmanager
def open_history(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `history`, without duplicate rows."""
    with TemporaryDirectory() as folder, connect() as duck:
        names = []
        for number, key in enumerate(k for k in lake.list(PREFIX) if _PART.search(k)):
            path = Path(folder) / f"{number}.parquet"
            path.write_bytes(lake.get(key))
            names.append(str(path))
        if names:
            duck.execute(
                "CREATE VIEW history AS SELECT DISTINCT * FROM read_parquet($1)".replace("$1", str(names))
            )
        else:
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            duck.execute(f"CREATE TABLE history ({columns})")
        yield duck


def list_sources(lake: Lake) -> list[str]:
    """Sources of the history in order."""
    with open_history(lake) as duck:
        return [
            str(row[0]) for row in duck.execute("SELECT DISTINCT source FROM history ORDER BY 1").fetchall()
        ]


@contextmanager
def connect(*, threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in memory; one thread keeps the order of rows, and so the bytes, stable."""
    duck = duckdb.connect(config={"threads": threads, "preserve_insertion_order": True})
    try:
        duck.execute("SET enable_progress_bar = false")  # it prints to standard output
        yield duck
    finally:
        duck.close()


def _build_row(record: Record) -> dict[str, object] | None:
    try:
        event = decode(record).event
    except Invalid:
        return None
    available_at = to_version(record.timestamp)
    if isinstance(event, BookGone):
        source = event.book_id.partition(":")[0]
        return _build_key_columns(event.book_id, source, event.version, available_at) | {"deleted": True}
    if not isinstance(event, BookState):
        return None
    book = event.to_book().book
    facts = extract_facts(book)
    return _build_key_columns(event.id, book.source, event.version, available_at) | {
        "deleted": False,
        "price": str(book.price.amount) if book.price else None,
        "currency": book.price.currency if book.price else None,
        "work": facts.work_key,
        "facts": orjson.dumps(facts.as_dict, option=orjson.OPT_SORT_KEYS).decode(),
    }


def _build_key_columns(book_id: str, source: str, event_time: int, available_at: int) -> dict[str, object]:
    return {"id": book_id, "source": source, "event_time": event_time, "available_at": available_at}
