"""Bulk writes to PostgreSQL: COPY for new rows, COPY plus one guarded merge for rows that may exist.

Rows are written in key order, so that two concurrent writers block each other instead of deadlocking. COPY
streams while the next rows are encoded, so that client and server work in parallel; the binary format needs
no escaping.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice
from struct import Struct
from typing import Any

import orjson
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Integer, LargeBinary, Table
from sqlalchemy.exc import DBAPIError, IntegrityError

from bookcore.catalogue.fold import StoredBook
from bookcore.catalogue.rows import COLUMNS, Row, to_row
from bookcore.catalogue.tables import ExactAmount, Moment, books

_GUARDED = (
    "INSERT INTO books ({names}) SELECT {names} FROM {incoming} ORDER BY id"
    " ON CONFLICT (id) DO UPDATE SET {changes}"
    " WHERE (books.version, books.event_id) < (excluded.version, excluded.event_id)"
)
_PIECE = 200
"""Rows packed at a time."""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_INT, _SHORT, _LONG, _NUMBER, _TRUTH = map(Struct, ("!i", "!h", "!iq", "!ii", "!i?"))
_NULL, _END = _INT.pack(-1), _SHORT.pack(-1)
ColumnEncoder = Callable[[Any], bytes]  # Any: a column's Python type


def insert_books(connection: Connection, held: Sequence[StoredBook]) -> None:
    """Inserts books that did not exist a moment ago; on a conflict all are merged."""
    try:
        with connection.begin_nested():
            _copy(connection, books, books.name, map(to_row, held))
    except IntegrityError:
        merge_books(connection, held)


def merge_books(connection: Connection, held: Sequence[StoredBook]) -> None:
    """Upserts; a row that is not newer than the stored one changes nothing."""
    incoming = _copy_to_temporary_table(connection, books, map(to_row, held))
    names = ", ".join(COLUMNS)
    changes = ", ".join(
        f"{name} = excluded.{name}" for name in COLUMNS if name not in ("id", "first_seen_at")
    )
    connection.exec_driver_sql(_GUARDED.format(names=names, incoming=incoming, changes=changes))


def insert_absent(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Inserts rows whose primary key is not stored yet."""
    incoming = _copy_to_temporary_table(connection, table, rows)
    names, keys = ", ".join(table.columns.keys()), ", ".join(column.name for column in table.primary_key)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {incoming} ORDER BY {keys}"  # noqa: S608 - ours
        " ON CONFLICT DO NOTHING"
    )


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    _copy(connection, table, table.name, rows)


def _copy_to_temporary_table(connection: Connection, table: Table, rows: Iterable[Row]) -> str:
    """Copies the rows to a temporary table and returns its name; it is emptied at the end of the
    transaction.
    """
    incoming = f"incoming_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    _copy(connection, table, incoming, rows)
    return incoming


def _copy(connection: Connection, table: Table, into: str, rows: Iterable[Row]) -> None:
    packed = _CopyStream(table, rows)
    with _translate_driver_errors(connection), connection.connection.cursor() as cursor:  # type: ignore[attr-defined]  # psycopg2's
        cursor.copy_expert(f"COPY {into} ({', '.join(packed.names)}) FROM STDIN (FORMAT binary)", packed)


class _CopyStream:
    """Rows as a file object in PostgreSQL's binary COPY format; each read encodes 200 rows more."""

    def __init__(self, table: Table, rows: Iterable[Row]) -> None:
        rest = iter(rows)
        first = next(rest)
        self.names = list(first)
        columns = [(name, _choose_encoder(table.c[name])) for name in self.names]
        self._pieces = _encode_rows(chain([first], rest), columns)

    def read(self, _: int = -1) -> bytes:
        """Some hundred kilobytes; empty after the last row."""
        return next(self._pieces, b"")

    def readline(self, size: int = -1) -> bytes:
        """Required by psycopg2, which never calls it."""
        return self.read(size)


def _encode_rows(rows: Iterator[Row], columns: Sequence[tuple[str, ColumnEncoder]]) -> Iterator[bytes]:
    yield _SIGNATURE
    width = _SHORT.pack(len(columns))
    while some := list(islice(rows, _PIECE)):
        piece: list[bytes] = []
        for row in some:
            piece.append(width)
            piece += [_NULL if (value := row[name]) is None else pack(value) for name, pack in columns]
        yield b"".join(piece)
    yield _END


@cache
def _choose_encoder(column: Column[Any]) -> ColumnEncoder:
    """The encoder of a column's non-null values in binary COPY: length, then bytes."""
    kind = column.type
    if isinstance(kind, ExactAmount | Moment):
        return lambda value: _LONG.pack(8, kind.process_bind_param(value, None))
    if isinstance(kind, LargeBinary):
        return lambda value: _INT.pack(len(value)) + value
    if isinstance(kind, JSON):
        return lambda value: _INT.pack(len(text := orjson.dumps(value))) + text
    if isinstance(kind, Boolean):
        return lambda value: _TRUTH.pack(1, value)
    if isinstance(kind, BigInteger):
        return lambda value: _LONG.pack(8, value)
    if isinstance(kind, Integer):
        return lambda value: _NUMBER.pack(4, value)
    return lambda value: _INT.pack(len(text := value.encode())) + text


@contextmanager
def _translate_driver_errors(connection: Connection) -> Iterator[None]:
    """Raises the driver's errors as SQLAlchemy's: COPY bypasses SQLAlchemy."""
    errors: type[Exception] = connection.dialect.dbapi.Error  # type: ignore[union-attr]  # it has one
    try:
        yield
    except errors as error:
        lost = connection.dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]  # takes none, too
        raise DBAPIError.instance(
            "COPY", None, error, errors, connection_invalidated=lost, dialect=connection.dialect
        ) from error
