"""Connections to each dialect, and what a dialect needs at its opening."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from bookcore.catalogue.schema import check
from bookcore.domain.errors import Invalid, Unavailable

_FIELD = "BOOKSTREAM_CATALOGUE_URL"
_POSTGRESQL = "postgresql+psycopg2"
_OLDEST_POSTGRESQL = 15
_MIGRATION_LOCK = 7_112_200
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_REFUSED = ("28000", "28P01", "3D000")
_RETRIABLE = (OperationalError, InterfaceError, InternalError)


class _Migrating(Protocol):
    def upgrade(self, connection: Connection) -> str: ...


def engine_of(url: str) -> Engine:
    """`sqlite:////absolute/file.db` or `postgresql+psycopg2://user:password@host:port/db[?schema=name]`.

    Raises: Invalid for anything else.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid("is no URL of a database", field=_FIELD) from error
    if parsed.drivername == "sqlite" and parsed.database:
        return _sqlite(parsed)
    if parsed.drivername == _POSTGRESQL and parsed.host and parsed.database:
        return _postgresql(parsed)
    raise Invalid(
        f"is of no known kind; use sqlite:////absolute/file.db or {_POSTGRESQL}://user:password@host:port/db",
        field=_FIELD,
    )


def prepare(engine: Engine) -> str:
    """Bring the database to the newest schema, one process at a time; what was done."""
    with explained(), _alone(engine), engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            _make_schema(connection)
        return cast(_Migrating, import_module("bookcore.catalogue.migrating")).upgrade(connection)


def check_schema(engine: Engine) -> None:
    """Raises: Conflict for another schema than this code's, Invalid for a server that is too old."""
    with explained(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            version = connection.dialect.server_version_info or (0,)
            if int(version[0]) < _OLDEST_POSTGRESQL:
                raise Invalid(f"is PostgreSQL {version[0]}; use {_OLDEST_POSTGRESQL} or newer", field=_FIELD)
        check(connection)


@contextmanager
def explained() -> Iterator[None]:
    """The driver's errors in Bookstream's words.

    A lost connection, a restart, a deadlock, a serialization failure, a full disk: all of them leave nothing
    half-done, and a retry may help. Raises: Unavailable, Invalid.
    """
    try:
        yield
    except _RETRIABLE as error:
        raise _reason(error) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _reason(error) from error
    except OSError as error:
        raise _unavailable(str(error)) from error


def _reason(error: DBAPIError) -> Invalid | Unavailable:
    cause = " ".join(str(error.orig).split())
    refused = getattr(error.orig, "pgcode", None) in _REFUSED
    if refused or "authentication failed" in cause or "does not exist" in cause:
        return Invalid(f"is refused ({cause}); check user, password and database", field=_FIELD)
    return _unavailable(cause)


def _unavailable(cause: str) -> Unavailable:
    remedy = (
        "free some space" if "full" in cause else f"check {_FIELD} and that it runs and can be written to"
    )
    return Unavailable(f"the catalogue can't be used ({cause}); {remedy}")


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "")
    with explained():
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30}, json_serializer=_json)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    """Every session finds its tables in one schema, so that a rebuilt one can take its place by name."""
    schema = str(url.query.get("schema", "bookstream"))
    if not schema.isidentifier():
        raise Invalid(f"names a schema {schema!r} that is no identifier", field=_FIELD)
    return create_engine(
        url.difference_update_query(["schema"]),
        json_serializer=_json,
        pool_pre_ping=True,
        pool_recycle=1_800,
        pool_size=10,
        max_overflow=20,
        connect_args={
            "connect_timeout": 5,
            "options": f"-c search_path={schema},public -c idle_in_transaction_session_timeout=300000",
            **_KEEPALIVE,
        },
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def schema_of(connection: Connection) -> str:
    """The schema that the session's tables are in."""
    path: str = connection.execute(text("SHOW search_path")).scalar_one()
    return path.partition(",")[0].strip()


def _make_schema(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema_of(connection)}"))


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """SQLite: who starts at once goes in turn; PostgreSQL has a lock of its own for that."""
    if engine.dialect.name != "sqlite":
        yield
        return
    with Path(engine.url.database or "").with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def _configure_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own; _begin_sqlite does
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer half-way could only fail.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
