"""SQLAlchemy engines and table creation for SQLite and PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from bookcore.kit.sqlite_file import lock_file

_FIRST_LOCK = 7_112_200


def open_engine(url: str) -> Engine:
    """`sqlite:////absolute/file.db` or any SQLAlchemy URL; connects lazily.

    Raises: SQLAlchemyError, ImportError for an unsupported URL.
    """
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite"
    return create_sqlite_engine(parsed) if is_file else create_engine(parsed, pool_pre_ping=True)


def create_sqlite_engine(url: URL, **more: Any) -> Engine:  # Any: whatever create_engine takes
    """WAL and a sync per commit; a writer waits up to 30 s for another.

    A write transaction is begun with `execution_options(writes=True)`.
    """
    engine = create_engine(url, connect_args={"timeout": 30}, **more)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def begin_setup(engine: Engine) -> Iterator[Connection]:
    """A transaction for creating tables; concurrent processes run one after the other.

    Raises: the driver's errors, OSError when a file cannot be created.
    """
    with _lock_database_file(engine), engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _FIRST_LOCK})
        yield connection


def create_tables(engine: Engine, metadata: MetaData) -> None:
    """Creates the missing tables. Raises: the same errors as begin_setup."""
    with begin_setup(engine) as connection:
        metadata.create_all(connection)


def find_missing_columns(connection: Connection, metadata: MetaData) -> Sequence[str]:
    """Tables, and `table.column`, that the metadata has and the database lacks."""
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    missing = sorted(metadata.tables.keys() - present)
    for name in sorted(metadata.tables.keys() & present):
        columns = {column["name"] for column in inspector.get_columns(name)}
        missing += [
            f"{name}.{column.name}" for column in metadata.tables[name].columns if column.name not in columns
        ]
    return missing


def _lock_database_file(engine: Engine) -> AbstractContextManager[None]:
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    return lock_file(Path(file)) if file else nullcontext()


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # _begin begins transactions, not the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: upgrading a read transaction could only fail.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
