"""The schema version of a database, and the check that this program can use it."""

from sqlalchemy import Connection, inspect, text

from bookcore.catalogue.tables import metadata, schema_compatibility
from bookcore.domain.errors import Conflict
from bookcore.sql import find_missing_columns

HEAD = "0008"
"""The newest step of migrations/versions."""
FIRST = "0001"
"""The step of databases that were made before steps were counted."""
_REMEDY = "restore the backup of before the migration, then run `python -m ingestor migrate`"


def read_schema_version(connection: Connection) -> str | None:
    """The database's migration revision; None without tables.

    Raises: Conflict when there are tables and a migration has left no revision.
    """
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        return FIRST if "books" in tables else None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is None and "books" in tables:
        raise Conflict(f"the catalogue's schema was migrated in part: it has no version; {_REMEDY}")
    return version


def read_oldest_reader(connection: Connection) -> str | None:
    """The revision of the oldest program that the database still serves; None if it doesn't say."""
    if not inspect(connection).has_table(schema_compatibility.name):
        return None
    oldest: str | None = connection.execute(schema_compatibility.select()).scalar()
    return oldest


def check_schema_version(connection: Connection) -> None:
    """A newer database is fine while it serves this program: its migrations since only expanded.

    Raises: Conflict with the remedy when the database is older, too new, or migrated in part.
    """
    version = read_schema_version(connection)
    if version is None or version < HEAD:
        raise Conflict(
            f"the catalogue's schema is {version or 'empty'} and this program needs {HEAD};"
            " run `python -m ingestor migrate`"
        )
    if version > HEAD:
        _check_newer(version, read_oldest_reader(connection))
    missing = find_missing_columns(connection, metadata)
    if missing:
        raise Conflict(
            f"the catalogue's schema is {version} and was migrated in part: {', '.join(missing)} missing;"
            f" {_REMEDY}"
        )


def _check_newer(version: str, oldest: str | None) -> None:
    if oldest is None or oldest > HEAD:
        newer = "was made by a newer Bookstream"
        serves = f"serves programs of schema {oldest} and newer" if oldest else newer
        raise Conflict(
            f"the catalogue's schema is {version} and this program knows only {HEAD}: it {serves};"
            " start a newer Bookstream"
        )
