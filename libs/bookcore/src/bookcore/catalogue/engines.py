"""SQLAlchemy engines for each dialect, and the translation of database errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)

from bookcore.catalogue.schema import check_schema_version
from bookcore.domain.errors import Invalid, Unavailable
from bookcore.kit.adapters import explain_missing_client
from bookcore.kit.tls import explain_tls_error
from bookcore.sql import begin_setup, create_sqlite_engine

_FIELD = "BOOKSTREAM_CATALOGUE_URL"
_POSTGRESQL = "postgresql+psycopg2"
_OLDEST_POSTGRESQL = 15
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


def create_catalogue_engine(url: str) -> Engine:
    """Accepts `sqlite:////absolute/file.db` or
    `postgresql+psycopg2://user:password@host:port/db[?schema=name]`.

    Raises: Invalid for any other URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid("is no URL of a database", field=_FIELD) from error
    if parsed.drivername == "sqlite" and parsed.database:
        return _create_sqlite_engine(parsed)
    if parsed.drivername == _POSTGRESQL and parsed.host and parsed.database:
        return _create_postgresql_engine(parsed)
    raise Invalid(
        f"is of no known kind; use sqlite:////absolute/file.db or {_POSTGRESQL}://user:password@host:port/db",
        field=_FIELD,
    )


def migrate_schema(engine: Engine) -> str:
    """Migrates the database to the newest schema, one process at a time; returns one line about the
    result.
    """
    with translate_errors(), begin_setup(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {read_schema_name(connection)}"))
        return cast(_Migrating, import_module("bookcore.catalogue.migrate")).upgrade(connection)


def check_schema(engine: Engine) -> None:
    """Raises: Conflict for a schema of another version, Invalid for a server that is too old."""
    with translate_errors(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            version = connection.dialect.server_version_info or (0,)
            if int(version[0]) < _OLDEST_POSTGRESQL:
                raise Invalid(f"is PostgreSQL {version[0]}; use {_OLDEST_POSTGRESQL} or newer", field=_FIELD)
        check_schema_version(connection)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translates the driver's errors.

    A lost connection, a restart, a deadlock, a serialization failure and a full disk leave nothing half-done
    and may succeed when retried. Raises: Unavailable, Invalid.
    """
    try:
        yield
    except _RETRIABLE as error:
        raise _classify_error(error) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _classify_error(error) from error
    except OSError as error:
        raise _build_unavailable(str(error)) from error


def _classify_error(error: DBAPIError) -> Invalid | Unavailable:
    cause = " ".join(str(error.orig).split())
    refused = getattr(error.orig, "pgcode", None) in _REFUSED
    if refused or "authentication failed" in cause or "does not exist" in cause:
        return Invalid(f"is refused ({cause}); check user, password and database", field=_FIELD)
    return _build_unavailable(explain_tls_error(cause) or cause)


def _build_unavailable(cause: str) -> Unavailable:
    remedy = "free some space" if "full" in cause else f"check {_FIELD} and the server and can be written to"
    return Unavailable(f"the catalogue can't be used ({cause}); {remedy}")


def _create_sqlite_engine(url: URL) -> Engine:
    path = Path(url.database or "")
    with translate_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
    return create_sqlite_engine(url, json_serializer=_dump_json)


def _create_postgresql_engine(url: URL) -> Engine:
    """Every session finds its tables by one schema name, so that a rebuilt schema can replace it by
    renaming.
    """
    schema = str(url.query.get("schema", "bookstream"))
    if not schema.isidentifier():
        raise Invalid(f"names a schema {schema!r} that is no identifier", field=_FIELD)
    try:
        return create_engine(
            url.difference_update_query(["schema"]),
            json_serializer=_dump_json,
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
    except ModuleNotFoundError as error:
        raise explain_missing_client(_POSTGRESQL, error, field=_FIELD) from error


def _dump_json(value: object) -> str:
    return orjson.dumps(value).decode()


def read_schema_name(connection: Connection) -> str:
    """The schema that holds the session's tables."""
    path: str = connection.execute(text("SHOW search_path")).scalar_one()
    return path.partition(",")[0].strip()
