"""Writes one batch of one partition in one transaction; the only writer of the catalogue's tables."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from sqlalchemy import Connection, Table, insert, select, update

from bookcore.catalogue import bulk_postgresql, bulk_sqlite
from bookcore.catalogue.fold import BatchEffects, Observation, StoredBook, fold, split_by_version
from bookcore.catalogue.outbox import build_outbox_rows
from bookcore.catalogue.rows import Row, from_row, split_chunks
from bookcore.catalogue.tables import (
    books,
    manifest,
    offer_observations,
    offsets,
    outbox,
    price_observations,
    withdrawals,
)
from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class IngestBatch:
    """A batch of one partition: its offsets, its key in the lake, its observations."""

    topic: str
    partition: int
    first: int
    next: int
    lake_key: str
    observations: Sequence[Observation]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Number of observations by effect."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    stale: int = 0

    def __add__(self, other: "BatchResult") -> "BatchResult":
        return BatchResult(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


class _BulkWriter(Protocol):
    """Bulk writes of a dialect; `rows` are never empty and all have the same columns."""

    def insert_books(self, connection: Connection, held: Sequence[StoredBook]) -> None: ...

    def merge_books(self, connection: Connection, held: Sequence[StoredBook]) -> None: ...

    def insert_absent(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None: ...

    def insert_rows(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None: ...


_BULK_WRITERS: Mapping[str, _BulkWriter] = {"postgresql": bulk_postgresql, "sqlite": bulk_sqlite}


def apply_batch(connection: Connection, batch: IngestBatch) -> BatchResult:
    """Applies a batch inside the caller's transaction.

    Raises: Conflict when the catalogue is not at the batch's first offset: applied already, or one is
    missing.
    """
    bulk = _BULK_WRITERS[connection.dialect.name]
    _advance_offset(connection, bulk, batch)
    orders = _read_versions(connection, batch.observations)
    fresh, stale = split_by_version(orders, batch.observations)
    fresh += _read_withdrawals(connection, {seen.book_id for seen in fresh} - orders.keys())
    held = _read_stored_books(connection, orders.keys() & {seen.book_id for seen in fresh})
    effects = fold(held, fresh, outdated=stale)
    by_id = sorted(effects.rows.items())
    if known := [one for book_id, one in by_id if book_id in held]:
        bulk.merge_books(connection, known)
    if new := [one for book_id, one in by_id if book_id not in held]:
        bulk.insert_books(connection, new)
    _record_history(connection, bulk, effects)
    if effects.transitions:
        bulk.insert_rows(connection, outbox, build_outbox_rows(effects.transitions))
    return BatchResult(effects.created, effects.updated, effects.deleted, effects.unchanged, effects.stale)


def _record_history(connection: Connection, bulk: _BulkWriter, effects: BatchEffects) -> None:
    if effects.prices:
        bulk.insert_absent(connection, price_observations, _build_price_rows(effects))
    if effects.offers:
        bulk.insert_absent(connection, offer_observations, _build_offer_rows(effects))
    if effects.withdrawals:
        bulk.insert_absent(connection, withdrawals, _build_withdrawal_rows(effects))


def _advance_offset(connection: Connection, bulk: _BulkWriter, batch: IngestBatch) -> None:
    here = (offsets.c.topic == batch.topic) & (offsets.c.partition == batch.partition)
    if batch.first == 0:
        bulk.insert_absent(
            connection, offsets, [{"topic": batch.topic, "partition": batch.partition, "next": 0}]
        )
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


def _read_versions(connection: Connection, seen: Sequence[Observation]) -> Mapping[BookId, tuple[int, str]]:
    """(version, event id) of the stored books: cheap to read, and enough to find outdated observations."""
    found: dict[BookId, tuple[int, str]] = {}
    columns = select(books.c.id, books.c.version, books.c.event_id)
    for ids in split_chunks({each.book_id for each in seen}):
        for book_id, version, event_id in connection.execute(columns.where(books.c.id.in_(ids))):
            found[BookId(book_id)] = (version, event_id)
    return found


def _read_withdrawals(connection: Connection, unknown: Collection[BookId]) -> Iterator[Observation]:
    """Withdrawals of books that were not stored then: they count, too, when an older observation comes."""
    for ids in split_chunks(unknown):
        for row in connection.execute(select(withdrawals).where(withdrawals.c.book_id.in_(ids))):
            yield Observation(BookId(row.book_id), None, row.version, row.event_id, reason=row.reason)


def _read_stored_books(connection: Connection, wanted: Collection[BookId]) -> dict[BookId, StoredBook]:
    """Locks the rows where the dialect has row locks, so that no writer interferes between read and write."""
    found: dict[BookId, StoredBook] = {}
    for ids in split_chunks(wanted):
        query = select(books).where(books.c.id.in_(ids)).order_by(books.c.id).with_for_update()
        for row in connection.execute(query).mappings():
            found[BookId(row["id"])] = StoredBook(from_row(row), row["event_id"])
    return found


def _build_price_rows(effects: BatchEffects) -> Iterator[Row]:
    for seen in effects.prices:
        yield {
            "book_id": seen.book_id,
            "version": seen.version,
            "event_id": seen.event_id,
            "amount": seen.price.amount,
            "currency": seen.price.currency,
        }


def _build_offer_rows(effects: BatchEffects) -> Iterator[Row]:
    for seen in effects.offers:
        offers = [offer.plain for offer in seen.offers]
        yield {
            "book_id": seen.book_id,
            "version": seen.version,
            "event_id": seen.event_id,
            "offers": offers,
        }


def _build_withdrawal_rows(effects: BatchEffects) -> Iterator[Row]:
    for seen in effects.withdrawals:
        yield {
            "book_id": seen.book_id,
            "version": seen.version,
            "event_id": seen.event_id,
            "reason": seen.reason,
        }
