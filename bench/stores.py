"""What one ingestor process does in a second, stage by stage, on the embedded stores and on real servers.

`python -m bench.stores [--events 50000] [--rounds 3] [--docs]`; servers are those of the environment
(`eval "$(bookstream stack up)"` first), without them only the embedded stores are measured. Everything is
written to a bucket prefix, schema and topic prefix of its own.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast
from uuid import uuid4

import typer
from bench.report import Figure, save_figures, write_docs_table
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from bookcore.catalogue import Catalogue, IngestBatch, Observation, open_catalogue, prepare_catalogue
from bookcore.catalogue.bulk_postgresql import merge_books
from bookcore.catalogue.fold import StoredBook
from bookcore.catalogue.rows import COLUMNS, to_row
from bookcore.catalogue.tables import books as books_table
from bookcore.domain.book import VersionedBook, from_version
from bookcore.domain.normalise import Origin, PrintedBook, hash_printed
from bookcore.event_log import open_event_log
from bookcore.events.book import BookObserved
from bookcore.events.codec import encode
from bookcore.events.message import Batch, Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import open_lake
from ingestor.accept import validate_batch
from ingestor.app import tune_garbage_collector
from ingestor.archive import archive_batch
from sample_shop.shop import Moment, Shop

BATCH = 5_000
SEEN = datetime(2026, 1, 1, tzinfo=UTC)


def build_observation(shop: Shop, number: int) -> BookObserved:
    """A book of the sample shop as its page prints it; after its last they begin again, with other ids."""
    again, number = divmod(number - 1, shop.books)
    number += 1
    edition, now = shop.edition(number), shop.get_book(number, Moment())
    upc = f"{edition.upc}-{again}" if again else edition.upc
    origin = Origin("bench", upc, f"http://bench.example/{upc}")
    printed = PrintedBook(
        title=edition.title,
        category=shop.get_category(number).name,
        rating=str(edition.rating),
        price=f"£{now.pence_with_tax / 100:.2f}",
        availability=f"In stock ({now.stock} available)",
        upc=upc,
        description=shop.get_description(number),
        price_excl_tax=f"£{now.pence_with_tax / 100:.2f}",
        tax="£0.00",
        reviews=str(edition.reviews),
        product_type="Books",
    )
    return BookObserved(
        source=origin.source,
        source_id=origin.source_id,
        url=origin.url,
        observed_at=SEEN + timedelta(microseconds=number),
        content_hash=hash_printed(origin, printed),
        extractor="bench/1",
        printed=printed,
    )


def split_batches(messages: Sequence[Message]) -> Iterator[Batch]:
    """As if all of them came from one partition."""
    for first in range(0, len(messages), BATCH):
        piece = messages[first : first + BATCH]
        records = [
            Record(OBSERVED.name, 0, first + n, SEEN, m.key, m.value, m.headers) for n, m in enumerate(piece)
        ]
        yield Batch(OBSERVED.name, 0, records)


def measure_rate(count: int, act: Callable[[], object]) -> float:
    """Per second."""
    began = time.perf_counter()
    act()
    return count / (time.perf_counter() - began)


def measure_lake(url: str, todo: Sequence[Batch], count: int) -> float:
    """Events per second into a part of the lake that is empty."""
    lake = open_lake(url)
    try:
        return measure_rate(count, lambda: [archive_batch(lake, batch) for batch in todo])
    finally:
        lake.close()


def apply_batches(catalogue: Catalogue, seen: Sequence[Observation], *, partition: int) -> None:
    """In batches, from offset 0 of a partition."""
    for first in range(0, len(seen), BATCH):
        piece = seen[first : first + BATCH]
        catalogue.apply_batch(
            IngestBatch(OBSERVED.name, partition, first, first + len(piece), f"bench/{first}", piece)
        )


def measure_catalogue(url: str, seen: Sequence[Observation]) -> tuple[float, float]:
    """Books per second: first load, and the same again, all of it outdated."""
    prepare_catalogue(url)
    catalogue = open_catalogue(url)
    try:
        first = measure_rate(len(seen), lambda: apply_batches(catalogue, seen, partition=0))
        stale = measure_rate(len(seen), lambda: apply_batches(catalogue, seen, partition=1))
    finally:
        catalogue.close()
    return first, stale


def measure_merge(url: str, seen: Sequence[Observation]) -> tuple[float, float]:
    """The same rows by COPY and merge, and by the driver's executemany with the same guard."""
    prepare_catalogue(url)
    catalogue = open_catalogue(url)
    held = [_build_stored(each) for each in seen]
    rows = [to_row(each) for each in held]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
    guarded = str(_build_upsert().compile(dialect=dialect))
    with catalogue.begin_write() as connection:
        copied = measure_rate(len(rows), lambda: merge_books(connection, held))
        connection.execute(text("TRUNCATE books"))
        binds = {name: books_table.c[name].type.dialect_impl(connection.dialect) for name in COLUMNS}
        processors = {name: kind.bind_processor(connection.dialect) for name, kind in binds.items()}
        bound = [{n: p(row[n]) if (p := processors[n]) else row[n] for n in COLUMNS} for row in rows]
        cursor = cast(Any, connection.connection).cursor()  # Any: the driver's own
        one_by_one = measure_rate(len(rows), lambda: cursor.executemany(guarded, bound))
    catalogue.close()
    return copied, one_by_one


def _build_stored(seen: Observation) -> StoredBook:
    assert seen.book is not None
    moment = from_version(seen.version)
    return StoredBook(VersionedBook(seen.book, seen.version, moment, moment), seen.event_id)


def _build_upsert() -> postgresql.Insert:
    statement = postgresql.insert(books_table)
    new = statement.excluded
    changed = {name: new[name] for name in COLUMNS if name not in ("id", "first_seen_at")}
    return statement.on_conflict_do_update(
        index_elements=["id"], set_=changed, where=books_table.c.version < new.version
    )


def measure_log(url: str, messages: Sequence[Message]) -> tuple[float, float]:
    """Events per second appended and acknowledged, and read by a group."""
    log = open_event_log(url)
    log.declare_topics()
    try:
        written = measure_rate(len(messages), lambda: _append(log.append, messages))
        consumer = log.create_consumer("bench", [OBSERVED.name])
        consumer.poll(limit=1, timeout=5)
        read = measure_rate(len(messages), lambda: _drain(consumer.poll, len(messages) - 1))
        consumer.close()
    finally:
        log.close()
    return written, read


def _append(append: Callable[[str, Sequence[Message]], object], messages: Sequence[Message]) -> None:
    for first in range(0, len(messages), BATCH):
        append(OBSERVED.name, messages[first : first + BATCH])


def _drain(poll: Callable[..., Sequence[Record]], want: int) -> None:
    while want > 0:
        want -= len(poll(limit=BATCH, timeout=1))


def measure(
    urls: dict[str, str], messages: Sequence[Message], seen: Sequence[Observation]
) -> dict[str, float]:
    """One round on one set of stores."""
    todo = list(split_batches(messages))
    first, stale = measure_catalogue(urls["catalogue"], seen)
    written, read = measure_log(urls["log"], messages)
    found = {
        "lake": measure_lake(urls["lake"], todo, len(messages)),
        "first load": first,
        "stale replay": stale,
        "append": written,
        "read": read,
    }
    if urls["catalogue"].startswith("postgresql"):
        copied, one_by_one = measure_merge(f"{urls['catalogue']}_rows", seen)
        found |= {"copy": copied, "executemany": one_by_one}
    return found


def list_places(folder: str) -> dict[str, dict[str, str]]:
    """The embedded stores below a folder, and the servers that the environment names."""
    own = f"bench{uuid4().hex[:10]}"
    found = {
        "embedded": {
            "log": f"sqlite://{folder}/{own}/log.db",
            "lake": f"file://{folder}/{own}/lake",
            "catalogue": f"sqlite:///{folder}/{own}/catalogue.db",
        }
    }
    if "BOOKSTREAM_CATALOGUE_URL" in os.environ:
        bucket, _, query = os.environ["BOOKSTREAM_LAKE_URL"].partition("?")
        found["servers"] = {
            "log": f"{os.environ['BOOKSTREAM_EVENT_LOG_URL']}?prefix={own}.",
            "lake": f"{bucket}/{own}?{query}",
            "catalogue": f"{os.environ['BOOKSTREAM_CATALOGUE_URL']}?schema={own}",
        }
    return found


GOALS = {"lake": 60_000.0, "first load": 25_000.0, "stale replay": 50_000.0}
UNITS = {"first load": "books/s", "stale replay": "books/s", "copy": "rows/s", "executemany": "rows/s"}


def build_figures(kind: str, rounds: Sequence[dict[str, float]]) -> list[Figure]:
    """Medians; the goals are those of the real servers."""
    median = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    goals = GOALS if kind == "servers" else {}
    figures = [
        Figure(f"{kind}, {name}", value, UNITS.get(name, "events/s"), goals.get(name))
        for name, value in median.items()
    ]
    if "copy" in median:
        ratio = statistics.median(each["copy"] / each["executemany"] for each in rounds)
        figures.append(Figure(f"{kind}, COPY and merge against executemany", ratio, "x", 3))
    return figures


def main(
    *,
    events: Annotated[int, typer.Option(help="Events, each of another book.")] = 50_000,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measure and print one line per figure: name value unit goal ok|short."""
    tune_garbage_collector()  # as the ingestor does
    shop = Shop(books=events)
    messages = [encode(build_observation(shop, n), source="bench") for n in range(1, events + 1)]
    began = time.perf_counter()
    seen = [each for batch in split_batches(messages) for each in validate_batch(batch).observations]
    accepted = Figure("decode and normalise", events / (time.perf_counter() - began), "events/s")
    done: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for kind, urls in list_places(folder).items():
                done.setdefault(kind, []).append(measure(urls, messages, seen))
    figures = [accepted, *(figure for kind, each in done.items() for figure in build_figures(kind, each))]
    print("\n".join(str(figure) for figure in figures))
    save_figures("stores", figures)
    if docs:
        write_docs_table("stores", figures, command="python -m bench stores")


if __name__ == "__main__":
    typer.run(main)
