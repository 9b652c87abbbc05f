"""Many rows at a time into SQLite."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Table, insert, or_
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bookcore.catalogue.fold import Held
from bookcore.catalogue.rows import COLUMNS, Values, row_of
from bookcore.catalogue.tables import books


def merge_books(connection: Connection, held: Sequence[Held]) -> None:
    """Insert or update; a book that isn't newer than the one there changes nothing."""
    statement = sqlite_insert(books)
    new = statement.excluded
    newer = or_(
        books.c.version < new.version, (books.c.version == new.version) & (books.c.event_id < new.event_id)
    )
    changed = {name: new[name] for name in COLUMNS if name not in ("id", "first_seen_at")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=newer),
        list(map(row_of, held)),
    )


add_books = merge_books
"""SQLite has one writer, and nothing that were faster."""


def add_absent(connection: Connection, table: Table, rows: Iterable[Values]) -> None:
    """Insert what isn't there by primary key."""
    connection.execute(sqlite_insert(table).on_conflict_do_nothing(), list(rows))


def add(connection: Connection, table: Table, rows: Iterable[Values]) -> None:
    """Insert."""
    connection.execute(insert(table), list(rows))
