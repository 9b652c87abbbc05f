"""Bulk writes to SQLite."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Table, insert, or_
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bookcore.catalogue.fold import StoredBook
from bookcore.catalogue.rows import COLUMNS, Row, to_row
from bookcore.catalogue.tables import books


def merge_books(connection: Connection, held: Sequence[StoredBook]) -> None:
    """Upserts; a row that is not newer than the stored one changes nothing."""
    statement = sqlite_insert(books)
    new = statement.excluded
    newer = or_(
        books.c.version < new.version, (books.c.version == new.version) & (books.c.event_id < new.event_id)
    )
    changed = {name: new[name] for name in COLUMNS if name not in ("id", "first_seen_at")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=newer),
        list(map(to_row, held)),
    )


insert_books = merge_books
"""SQLite has one writer, and nothing that were faster."""


def insert_absent(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Inserts rows whose primary key is not stored yet."""
    connection.execute(sqlite_insert(table).on_conflict_do_nothing(), list(rows))


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    connection.execute(insert(table), list(rows))
