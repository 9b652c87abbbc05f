"""The one way into the tables: a batch of a partition, whole or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bookcore.catalogue.fold import Folded, Held, Observation, fold
from bookcore.catalogue.outbox import enqueue
from bookcore.catalogue.rows import COLUMNS, book_of, row_of
from bookcore.catalogue.tables import books, manifest, offsets, price_observations
from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Ingest:
    """A batch of one partition: the offsets it covers, where it is archived, what it says."""

    topic: str
    partition: int
    first: int
    next: int
    lake_key: str
    observations: Sequence[Observation]


@dataclass(frozen=True, slots=True)
class Applied:
    """How many observations had which effect."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    stale: int = 0

    def __add__(self, other: "Applied") -> "Applied":
        return Applied(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def apply(connection: Connection, batch: Ingest) -> Applied:
    """Do a batch inside the caller's transaction.

    Raises: Conflict when the catalogue isn't at the batch's first offset: done already, or one is missing.
    """
    _advance(connection, batch)
    held = _held(connection, {o.book_id for o in batch.observations})
    effects = fold(held, batch.observations)
    _write_rows(connection, list(effects.rows.values()))
    _note_prices(connection, effects)
    enqueue(connection, effects.events)
    return Applied(effects.created, effects.updated, effects.deleted, effects.unchanged, effects.stale)


def _advance(connection: Connection, batch: Ingest) -> None:
    here = (offsets.c.topic == batch.topic) & (offsets.c.partition == batch.partition)
    if batch.first == 0:
        start = {"topic": batch.topic, "partition": batch.partition, "next": 0}
        connection.execute(sqlite_insert(offsets).values(start).on_conflict_do_nothing())
    moved = connection.execute(
        update(offsets).where(here, offsets.c.next == batch.first).values(next=batch.next)
    )
    if moved.rowcount != 1:
        raise Conflict(f"the catalogue is not at offset {batch.first} of {batch.topic}/{batch.partition}")
    connection.execute(
        insert(manifest).values(
            topic=batch.topic,
            partition=batch.partition,
            first=batch.first,
            next=batch.next,
            lake_key=batch.lake_key,
        )
    )


def _held(connection: Connection, wanted: set[BookId]) -> dict[BookId, Held]:
    found: dict[BookId, Held] = {}
    for ids in _chunks(sorted(wanted)):
        for row in connection.execute(select(books).where(books.c.id.in_(ids))).mappings():
            found[BookId(row["id"])] = Held(book_of(row), row["event_id"])
    return found


def _write_rows(connection: Connection, rows: Sequence[Held]) -> None:
    if not rows:
        return
    statement = sqlite_insert(books)
    new = statement.excluded
    newer = or_(
        books.c.version < new.version, (books.c.version == new.version) & (books.c.event_id < new.event_id)
    )
    changed = {name: new[name] for name in COLUMNS if name not in ("id", "first_seen_at")}
    guarded = statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=newer)
    connection.execute(guarded, [row_of(held.stored, held.event_id) for held in rows])


def _note_prices(connection: Connection, effects: Folded) -> None:
    if not effects.prices:
        return
    connection.execute(
        sqlite_insert(price_observations).on_conflict_do_nothing(),
        [
            {
                "book_id": seen.book_id,
                "version": seen.version,
                "event_id": seen.event_id,
                "amount": seen.price.amount,
                "currency": seen.price.currency,
            }
            for seen in effects.prices
        ],
    )


def _chunks(ids: Sequence[BookId]) -> Iterator[list[BookId]]:
    rest = iter(ids)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
