"""Many rows at a time into PostgreSQL: COPY, and where rows may be there already one guarded merge.

The rows lie in the order of their keys, so that two writers who meet wait for each other and don't deadlock.
COPY takes rows while the next ones are being packed, so that client and server work at the same time; its
binary form needs no escapes.
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
    """Insert books that weren't there a moment ago; should one be there now, all are merged."""
    try:
        with connection.begin_nested():
            _copy(connection, books, books.name, map(to_row, held))
    except IntegrityError:
        merge_books(connection, held)


def merge_books(connection: Connection, held: Sequence[StoredBook]) -> None:
    """Insert or update; a book that isn't newer than the one there changes nothing."""
    incoming = _copy_to_temporary_table(connection, books, map(to_row, held))
    names = ", ".join(COLUMNS)
    changes = ", ".join(
        f"{name} = excluded.{name}" for name in COLUMNS if name not in ("id", "first_seen_at")
    )
    connection.exec_driver_sql(_GUARDED.format(names=names, incoming=incoming, changes=changes))


def insert_absent(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert what isn't there by primary key."""
    incoming = _copy_to_temporary_table(connection, table, rows)
    names, keys = ", ".join(table.columns.keys()), ", ".join(column.name for column in table.primary_key)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {incoming} ORDER BY {keys}"  # noqa: S608 - ours
        " ON CONFLICT DO NOTHING"
    )


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert."""
    _copy(connection, table, table.name, rows)


def _copy_to_temporary_table(connection: Connection, table: Table, rows: Iterable[Row]) -> str:
    """Name of a temporary table with the rows; it empties itself at the transaction's end."""
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
    """Rows as the file that psycopg2 wants, in PostgreSQL's binary form: each read packs some more."""

    def __init__(self, table: Table, rows: Iterable[Row]) -> None:
        rest = iter(rows)
        first = next(rest)
        self.names = list(first)
        columns = [(name, _choose_encoder(table.c[name])) for name in self.names]
        self._pieces = _encode_rows(chain([first], rest), columns)

    def read(self, _: int = -1) -> bytes:
        """Some hundred kilobytes, nothing after the last."""
        return next(self._pieces, b"")

    def readline(self, size: int = -1) -> bytes:
        """psycopg2 asks for it and never calls it."""
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
    """How COPY wants the values of a column, None aside: their length, then their bytes."""
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
    """The driver's errors as SQLAlchemy raises them: COPY goes past it."""
    errors: type[Exception] = connection.dialect.dbapi.Error  # type: ignore[union-attr]  # it has one
    try:
        yield
    except errors as error:
        lost = connection.dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]  # takes none, too
        raise DBAPIError.instance(
            "COPY", None, error, errors, connection_invalidated=lost, dialect=connection.dialect
        ) from error
