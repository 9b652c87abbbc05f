"""Migrates a database with Alembic; imported only when a migration is due."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from bookcore.catalogue.schema import FIRST, HEAD, check_schema_version, read_schema_version


def upgrade(connection: Connection) -> str:
    """Runs inside the caller's transaction; returns one line about the result.

    Raises: Conflict when the database is newer than HEAD.
    """
    version = read_schema_version(connection)
    is_counted = inspect(connection).has_table("alembic_version")
    if version == HEAD and is_counted:
        return f"kept schema {HEAD}"
    if version is not None and version > HEAD:
        check_schema_version(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    if version == FIRST and not is_counted:
        command.stamp(config, FIRST)
    command.upgrade(config, HEAD)
    return f"brought schema from {version or 'nothing'} to {HEAD}"
