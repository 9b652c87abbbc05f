"""Snapshots: immutable training data of a source, named by content.

    ml/snapshots/<id>/part-<number>.parquet
    ml/snapshots/<id>/manifest.json

The id is the SHA-256 of the sorted file hashes, so that the same books give the same snapshot, and a model
that names its snapshot can be traced to its rows while the lake keeps them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import orjson

from bookcore.domain.errors import Invalid, NotFound
from bookcore.lake import Lake
from bookml.facts import BookFacts, parse_facts
from bookml.features import VERSION
from bookml.history import connect, open_history

PREFIX = "ml/snapshots/"
_PART_ROWS = 20_000
_COLUMNS = "id, event_time, price, currency, work, facts"


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """One file of a snapshot."""

    key: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """Contents of a snapshot; all prices are in `currency`. `unpriced`: books of the source left out, since
    they have no price above 0.
    """

    id: str
    source: str
    currency: str
    rows: int
    parts: tuple[SnapshotPart, ...]
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A row of a snapshot."""

    id: str
    event_time: int
    price: Decimal
    work: str
    facts: BookFacts
    currency: str = ""


def create_snapshot(lake: Lake, source: str, *, moment: int | None = None) -> SnapshotManifest:
    """Write a snapshot of the existing books of a source in their most frequent currency, as known at
    `moment` (now).

    Books without a price above 0 are left out.
    Raises: NotFound when the history has no such books.
    """
    with open_history(lake) as duck, TemporaryDirectory() as folder:
        _select_rows(duck, source, moment)
        row = duck.execute(
            "SELECT currency FROM chosen GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1"
        ).fetchone()
        if row is None:
            raise NotFound(
                f"no books of {source!r} with a price are in the history; import or crawl some first"
            )
        return _write_snapshot(lake, duck, Path(folder), (source, str(row[0])))


def _select_rows(duck: duckdb.DuckDBPyConnection, source: str, moment: int | None) -> None:
    until = "" if moment is None else f"AND available_at <= {int(moment)}"
    duck.execute(
        f"""CREATE TEMP TABLE newest AS SELECT {_COLUMNS} FROM (
            SELECT *, row_number() OVER (
                PARTITION BY id ORDER BY event_time DESC, available_at DESC
            ) AS place FROM history WHERE source = ? {until}
        ) WHERE place = 1 AND NOT deleted ORDER BY id""",  # noqa: S608 - numbers and ours
        [source],
    )
    duck.execute("CREATE TEMP TABLE chosen AS SELECT * FROM newest WHERE price > 0 ORDER BY id")


def _write_snapshot(
    lake: Lake, duck: duckdb.DuckDBPyConnection, folder: Path, of: tuple[str, str]
) -> SnapshotManifest:
    source, currency = of
    bodies: list[tuple[bytes, int]] = []
    total = _count_rows(duck, currency)
    for first in range(0, total, _PART_ROWS):
        path = folder / f"{first}.parquet"
        duck.execute(
            f"COPY (SELECT * FROM chosen WHERE currency = '{currency}' ORDER BY id"  # noqa: S608 - three letters
            f" LIMIT {_PART_ROWS} OFFSET {first}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )
        bodies.append((path.read_bytes(), min(_PART_ROWS, total - first)))
    hashes = [sha256(body).hexdigest() for body, _ in bodies]
    name = sha256("\n".join([source, currency, VERSION, *sorted(hashes)]).encode()).hexdigest()
    parts = []
    for number, ((body, rows), digest) in enumerate(zip(bodies, hashes, strict=True)):
        key = f"{PREFIX}{name}/part-{number:05d}.parquet"
        lake.put(key, body)
        parts.append(SnapshotPart(key, digest, rows))
    manifest = SnapshotManifest(name, source, currency, total, tuple(parts), _count_unpriced(duck))
    lake.put(_build_manifest_key(name), orjson.dumps(asdict(manifest), option=orjson.OPT_SORT_KEYS))
    return manifest


def _count_rows(duck: duckdb.DuckDBPyConnection, currency: str) -> int:
    row = duck.execute("SELECT count(*) FROM chosen WHERE currency = ?", [currency]).fetchone()
    return int(row[0]) if row else 0


def _count_unpriced(duck: duckdb.DuckDBPyConnection) -> int:
    row = duck.execute("SELECT (SELECT count(*) FROM newest) - (SELECT count(*) FROM chosen)").fetchone()
    return int(row[0]) if row else 0


def read_manifest(lake: Lake, snapshot: str) -> SnapshotManifest:
    """Raises: NotFound when the lake has no such snapshot."""
    if len(snapshot) != 64 or not snapshot.isalnum():
        raise NotFound("there is no such snapshot")
    fields: dict[str, Any] = orjson.loads(lake.get(_build_manifest_key(snapshot)))  # Any: JSON of ours
    return SnapshotManifest(**{**fields, "parts": tuple(SnapshotPart(**part) for part in fields["parts"])})


def list_snapshots(lake: Lake) -> Iterator[SnapshotManifest]:
    """All snapshots of the lake."""
    for key in lake.list(PREFIX):
        if key.endswith("/manifest.json"):
            yield read_manifest(lake, key.split("/")[2])


def read_rows(lake: Lake, manifest: SnapshotManifest) -> list[SnapshotRow]:
    """All rows, by id. Raises: NotFound, Invalid when a part is missing or altered."""
    return list(stream_rows(lake, manifest))


def stream_rows(lake: Lake, manifest: SnapshotManifest, *, block: int = 2_000) -> Iterator[SnapshotRow]:
    """The rows by id in blocks, in constant memory.

    Raises: NotFound, Invalid when a part is missing or altered.
    """
    for part in manifest.parts:
        with _open_part(lake, part) as duck:
            cursor = duck.execute("SELECT id, event_time, price, work, facts, currency FROM part")
            while rows := cursor.fetchmany(block):
                yield from map(_build_row, rows)


def read_current_rows(lake: Lake, source: str) -> list[SnapshotRow]:
    """Rows that a snapshot would have now, in any currency."""
    with open_history(lake) as duck:
        _select_rows(duck, source, None)
        rows = duck.execute("SELECT id, event_time, price, work, facts, currency FROM chosen").fetchall()
    return [_build_row(row) for row in rows]


def _build_row(row: tuple[Any, ...]) -> SnapshotRow:  # Any: a row of DuckDB's
    book_id, event_time, price, work, facts, currency = row
    return SnapshotRow(book_id, event_time, price, work, parse_facts(orjson.loads(facts)), currency)


@contextmanager
def _open_part(lake: Lake, part: SnapshotPart) -> Iterator[duckdb.DuckDBPyConnection]:
    body = lake.get(part.key)
    if sha256(body).hexdigest() != part.sha256:
        raise Invalid("a part of the snapshot was altered", field="snapshot")
    with TemporaryDirectory() as folder, connect() as duck:
        path = Path(folder) / "part.parquet"
        path.write_bytes(body)
        del body
        duck.execute(f"CREATE VIEW part AS SELECT * FROM read_parquet('{path}')")  # noqa: S608 - ours
        yield duck


def _build_manifest_key(snapshot: str) -> str:
    return f"{PREFIX}{snapshot}/manifest.json"
