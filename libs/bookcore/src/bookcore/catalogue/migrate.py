"""Migrates a database with Alembic; imported only when a migration is due."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from bookcore.catalogue.schema import FIRST, HEAD, check_schema_version, read_schema_version
from bookcore.catalogue.tables import schema_compatibility


def upgrade(connection: Connection) -> str:
    """Runs inside the caller's transaction; returns one line about the result.

    Raises: Conflict when the database is newer than HEAD and doesn't serve this program, or was migrated in
    part.
    """
    version = read_schema_version(connection)
    is_counted = inspect(connection).has_table("alembic_version")
    if version == HEAD and is_counted:
        return f"kept schema {HEAD}"
    if version is not None and version > HEAD:
        check_schema_version(connection)
        return f"kept schema {version}, which serves this program"
    config = build_config()
    config.attributes["connection"] = connection
    if version == FIRST and not is_counted:
        command.stamp(config, FIRST)
    command.upgrade(config, HEAD)
    connection.execute(schema_compatibility.delete())
    connection.execute(schema_compatibility.insert().values(oldest_reader=find_oldest_reader(config)))
    return f"brought schema from {version or 'nothing'} to {HEAD}"


def build_config() -> Config:
    """Alembic's configuration, with the folder of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def find_oldest_reader(config: Config) -> str:
    """The newest that any migration demands; every migration says it as `oldest_reader`."""
    steps = ScriptDirectory.from_config(config).walk_revisions()
    oldest: str = max(step.module.oldest_reader for step in steps)
    return oldest
