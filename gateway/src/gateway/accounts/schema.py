"""The schema version of the accounts, and the check that this program can use it.

Accounts only get new tables (decision 26), so creating what is missing is the whole migration. Every step
that adds some raises VERSION; one after which older programs go wrong raises OLDEST_READER too.
"""

from sqlalchemy import Column, Connection, Integer, Table, insert, select, update

from bookcore.domain.errors import Conflict
from bookcore.sql import find_missing_columns
from gateway.accounts.security_tables import metadata

VERSION = 1
"""Of the tables that this program knows."""
OLDEST_READER = 1
"""VERSION of the oldest program that works on these tables."""

accounts_schema = Table(
    "accounts_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("oldest_reader", Integer, nullable=False),
)
"""One row: the newest program that has created tables, and the oldest that the database serves."""


def check_schema(connection: Connection) -> None:
    """After the missing tables were created; records a newer version.

    Raises: Conflict with the remedy when the database is too new, or was migrated in part.
    """
    row = connection.execute(select(accounts_schema)).first()
    if row is not None and row.version > VERSION and row.oldest_reader > VERSION:
        raise Conflict(
            f"the accounts' schema is {row.version} and this program knows only {VERSION}: it serves programs"
            f" of schema {row.oldest_reader} and newer; start a newer Bookstream"
        )
    missing = find_missing_columns(connection, metadata)
    if missing:
        raise Conflict(
            f"the accounts' schema was migrated in part: {', '.join(missing)} missing; restore the backup of"
            " before the migration and start again"
        )
    if row is None:
        connection.execute(insert(accounts_schema).values(version=VERSION, oldest_reader=OLDEST_READER))
    elif row.version < VERSION:
        connection.execute(update(accounts_schema).values(version=VERSION, oldest_reader=OLDEST_READER))
