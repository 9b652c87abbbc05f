"""Many rows at a time into PostgreSQL: COPY to a temporary table, then one guarded merge.

The rows lie in the order of their keys, so that two writers who meet wait for each other and don't deadlock.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import StringIO
from typing import Any

from sqlalchemy import Connection, Dialect, LargeBinary, Table
from sqlalchemy.exc import DBAPIError

from bookcore.catalogue.rows import COLUMNS, Values
from bookcore.catalogue.tables import books

_ESCAPED = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_GUARDED = (
    "INSERT INTO books ({names}) SELECT {names} FROM {incoming} ORDER BY id"
    " ON CONFLICT (id) DO UPDATE SET {changes}"
    " WHERE (books.version, books.event_id) < (excluded.version, excluded.event_id)"
)
Bind = Callable[[Any], Any]  # Any: a column's Python type -> what the driver takes


def merge_books(connection: Connection, rows: Sequence[Values]) -> None:
    """Insert or update; a row that isn't newer than the one there changes nothing."""
    incoming = _copied(connection, books, rows)
    names = ", ".join(COLUMNS)
    changes = ", ".join(
        f"{name} = excluded.{name}" for name in COLUMNS if name not in ("id", "first_seen_at")
    )
    connection.exec_driver_sql(_GUARDED.format(names=names, incoming=incoming, changes=changes))


def add_absent(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert what isn't there by primary key."""
    incoming = _copied(connection, table, rows)
    names, keys = ", ".join(rows[0]), ", ".join(column.name for column in table.primary_key)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {incoming} ORDER BY {keys}"  # noqa: S608 - ours
        " ON CONFLICT DO NOTHING"
    )


def add(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert."""
    _copy(connection, table, table.name, rows)


def _copied(connection: Connection, table: Table, rows: Sequence[Values]) -> str:
    """Name of a temporary table with the rows; it empties itself at the transaction's end."""
    incoming = f"incoming_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    _copy(connection, table, incoming, rows)
    return incoming


def _copy(connection: Connection, table: Table, into: str, rows: Sequence[Values]) -> None:
    names = list(rows[0])
    binds = [_bind(table, name, connection.dialect) for name in names]
    text = StringIO()
    for row in rows:
        values = [_text(bind(row[name])) for name, bind in zip(names, binds, strict=True)]
        text.write("\t".join(values))
        text.write("\n")
    text.seek(0)
    with _wrapped(connection), connection.connection.cursor() as cursor:  # type: ignore[attr-defined]  # psycopg2's
        cursor.copy_expert(f"COPY {into} ({', '.join(names)}) FROM STDIN", text)


@cache
def _bind(table: Table, name: str, dialect: Dialect) -> Bind:
    kind = table.c[name].type
    if isinstance(
        kind, LargeBinary
    ):  # COPY has its own form for bytes; the driver's wrapping would hide them
        return _as_it_is
    return kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _text(value: object) -> str:
    match value:
        case None:
            return "\\N"
        case bool():
            return "t" if value else "f"
        case str():
            return _ESCAPED.sub(_escape, value)
        case bytes() | memoryview():
            return f"\\\\x{value.hex()}"
        case _:
            return str(value)


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]


@contextmanager
def _wrapped(connection: Connection) -> Iterator[None]:
    """The driver's errors as SQLAlchemy raises them: COPY goes past it."""
    errors: type[Exception] = connection.dialect.dbapi.Error  # type: ignore[union-attr]  # it has one
    try:
        yield
    except errors as error:
        lost = connection.dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]  # takes none, too
        raise DBAPIError.instance(
            "COPY", None, error, errors, connection_invalidated=lost, dialect=connection.dialect
        ) from error
