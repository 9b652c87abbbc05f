"""SQLite files that several processes open: their tables are made in turn."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """No other process that asks for the same file goes on meanwhile; its folder is made.

    SQLite alone is not enough: two who turn a new file to WAL at once are told that it is locked, however
    long they would wait. Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def open_sqlite_file(path: Path, schema: str, *, synchronous: str) -> sqlite3.Connection:
    """A connection that waits up to 30 s for another writer; usable from any thread, one at a time.

    `synchronous` FULL syncs each commit to the disk; NORMAL survives a killed process but not a power cut.
    Transactions are the caller's to begin. Raises: sqlite3.Error, OSError.
    """
    with lock_file(path):
        connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.executescript(schema)
    return connection
