"""Database of the accounts; on SQLite with foreign keys, in a file readable by its owner only."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from bookcore.kit.tls import explain_tls_error
from bookcore.sql import begin_setup, open_engine
from gateway.accounts.schema import check_schema
from gateway.accounts.security_tables import metadata

_DAMAGED = ("not a database", "malformed")


class Database:
    """Transactions on the accounts database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin_read(self) -> Iterator[Connection]:
        """Read transaction. Raises: Unavailable."""
        with _translate_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def begin_write(self) -> Iterator[Connection]:
        """Write transaction. Raises: Unavailable."""
        with _translate_errors(), self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def check_connection(self) -> None:
        """Raises: Unavailable when the database can't be read."""
        with self.begin_read() as connection:
            connection.execute(text("SELECT 1"))

    def flush_deletions(self) -> None:
        """Make what was deleted leave the files; on SQLite from the log of writes too.

        Another user of the file may be in the way: then the log is written over later.
        """
        if self._engine.dialect.name == "sqlite":
            with _translate_errors(), closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def is_missing_file(url: str) -> bool:
    """Whether it is the URL of a SQLite file that doesn't exist. Raises: Invalid."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid(f"invalid database URL ({error})", field="accounts_url") from error
    return parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists()


def open_database(url: str) -> Database:
    """The database behind a SQLAlchemy URL, with its tables.

    Raises: Invalid for a URL that no installed driver reads, Unavailable when it can't be opened, Conflict
    when its schema doesn't serve this program.
    """
    try:
        engine = open_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise Invalid(f"invalid database URL ({error})", field="accounts_url") from error
    if engine.dialect.name == "sqlite":
        _create_private(engine.url.database)
        event.listen(engine, "connect", _on_connect)
    try:
        with _translate_errors(), begin_setup(engine) as connection:
            metadata.create_all(connection)
            check_schema(connection)
    except (Conflict, Unavailable):
        engine.dispose()
        raise
    except OSError as error:
        engine.dispose()
        raise Unavailable(f"the accounts database can't be opened ({error}); check its folder") from error
    return Database(engine)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        why = explain_tls_error(str(error.orig)) or error.orig
        raise Unavailable(f"the accounts database is unavailable ({why}); try again") from error
    except DatabaseError as error:
        if not any(words in str(error.orig) for words in _DAMAGED):
            raise
        raise Unavailable(f"the accounts database is damaged ({error.orig}); restore a backup") from error


def _create_private(name: str | None) -> None:
    if not name:
        return
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unavailable(f"cannot use {path} ({error.strerror}); choose another accounts_url") from error


def _on_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what an owner deletes leaves the file too
    cursor.close()
