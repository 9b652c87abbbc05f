"""The SQLite file of the event log: schema, opening, write transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookcore.kit.sqlite_file import open_sqlite_file

SCHEMA = """
CREATE TABLE IF NOT EXISTS partitions (
    number INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    next INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, key TEXT NOT NULL, value BLOB, headers BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS committed (
    consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, topic, partition)) WITHOUT ROWID;
"""


def connect(path: Path, *, synchronous: str) -> sqlite3.Connection:
    """See kit.sqlite_file.open_sqlite_file. Raises: Unavailable when the file cannot be opened or created."""
    try:
        return open_sqlite_file(path, SCHEMA, synchronous=synchronous)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"the event log {path} can't be opened ({error}); check the folder") from error


@contextmanager
def begin_write(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction.

    Raises: Unavailable when the disk is full, the file is locked for too long or cannot be written.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        remedy = "free some space" if "full" in str(error) else "try again"
        raise Unavailable(f"the event log can't be written ({error}); {remedy}") from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
