"""One engine; SQLite gets WAL, a busy timeout, foreign keys and writers that queue instead of failing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bookcore.domain.errors import Invalid, Unavailable
from gateway.control.accounts.tables import metadata

_WRITES = "bookstream_writes"


class Database:
    """Connections by the unit of work; each unit is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only looks. Raises: Unavailable."""
        with _translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write, all or nothing. Raises: Unavailable."""
        with _translated(), self._engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def check(self) -> None:
        """Raises: Unavailable when the database doesn't answer."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Free the connections."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """The database behind a SQLAlchemy URL, with its tables.

    Raises: Invalid for a URL that no installed driver reads, Unavailable when it can't be opened.
    """
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise Invalid(f"no database for this address ({error})", field="accounts_url") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, make_url(url).database)
    database = Database(engine)
    try:
        with database.writing() as connection:
            metadata.create_all(connection)
    except Unavailable:
        database.close()
        raise
    return database


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"the accounts database can't be used now ({error.orig}); try again") from error
    except DatabaseError as error:
        if "not a database" not in str(error.orig) and "malformed" not in str(error.orig):
            raise
        raise Unavailable(f"the accounts database is damaged ({error.orig}); restore a backup") from error


def _prepare_sqlite(engine: Engine, path: str | None) -> None:
    if path:
        _create_private(Path(path))
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _create_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unavailable(f"cannot use {path} ({error.strerror}); choose another accounts_url") from error


def _on_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late for a writer
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.cursor().execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
