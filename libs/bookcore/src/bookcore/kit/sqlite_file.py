"""SQLite files shared by several processes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Holds an exclusive lock beside the file; creates its folder.

    SQLite alone is not enough: two processes that switch a new file to WAL at once get "database is locked",
    whatever their timeout. Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def open_sqlite_file(path: Path, schema: str, *, synchronous: str) -> sqlite3.Connection:
    """A connection that waits up to 30 s for another writer; usable from any thread, one at a time.

    `synchronous` FULL syncs each commit to the disk; NORMAL survives a killed process but not a power cut.
    The caller begins transactions. Raises: sqlite3.Error, OSError.
    """
    with lock_file(path):
        connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.executescript(schema)
    return connection
