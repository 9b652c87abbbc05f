"""The schema version of a database, and the check that it is this program's."""

from sqlalchemy import Connection, inspect, text

from bookcore.domain.errors import Conflict

HEAD = "0003"
"""The newest step of migrations/versions."""
FIRST = "0001"
"""The step of databases that were made before steps were counted."""


def read_schema_version(connection: Connection) -> str | None:
    """The database's migration revision; None without tables."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return version
    return FIRST if "books" in tables else None


def check_schema_version(connection: Connection) -> None:
    """Raises: Conflict with the remedy when the database is at another revision."""
    version = read_schema_version(connection)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise Conflict(
            f"the catalogue's schema is {version} and this program knows only {HEAD}: it was made by a newer"
            " Bookstream; start that one"
        )
    raise Conflict(
        f"the catalogue's schema is {version or 'empty'} and this program needs {HEAD};"
        " run `python -m ingestor migrate`"
    )
