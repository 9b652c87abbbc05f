"""SQLite file of a frontier: tables, transactions, and one error for everything that can go wrong."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from bookcore.kit.sqlite_file import open_sqlite_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, depth INTEGER NOT NULL,
    run INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending', reason TEXT,
    etag TEXT, last_modified TEXT, body TEXT, content_hash TEXT,
    listed INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0,
    missing_run INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS pages_by_kind ON pages (kind);
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, site TEXT NOT NULL, extractor TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT,
    sequence INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 0, books INTEGER NOT NULL DEFAULT 0,
    published INTEGER NOT NULL DEFAULT 0, unchanged INTEGER NOT NULL DEFAULT 0,
    remarks INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,
    seen INTEGER, closing TEXT);
CREATE TABLE IF NOT EXISTS fleet (only INTEGER PRIMARY KEY CHECK (only = 1), mode TEXT NOT NULL, url TEXT,
    claimed INTEGER);
CREATE TABLE IF NOT EXISTS commands (id TEXT PRIMARY KEY);
"""
COUNTS = "pages, books, published, unchanged, remarks, refused"
"""Columns of a run, in the order of RunCounts."""
_COUNT = "INTEGER NOT NULL DEFAULT 0"
_ADDED = {
    "pages": {"listed": _COUNT, "missing": _COUNT, "missing_run": _COUNT},
    "fleet": {"claimed": "INTEGER"},
    "runs": {"seen": "TEXT", "closing": "TEXT", "remarks": _COUNT, "refused": _COUNT},
}
"""Columns that files of earlier versions lack."""


class FrontierFile:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        with self._translate_errors():
            self._db = open_sqlite_file(path, _SCHEMA, synchronous="NORMAL")
            _add_columns(self._db)

    @contextmanager
    def lock_connection(self) -> Iterator[sqlite3.Connection]:
        """Keep other threads out. Raises: Unavailable."""
        with self._lock, self._translate_errors():
            yield self._db

    @contextmanager
    def begin_transaction(self) -> Iterator[sqlite3.Connection]:
        """Atomic, and no other process writes meanwhile. Raises: Unavailable."""
        with self._lock, self._translate_errors():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")

    def read_number(self, query: str) -> int:
        with self.lock_connection() as db:
            found: int = db.execute(query).fetchone()[0]
        return found

    def close(self) -> None:
        """Free the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"the frontier {self._path} can't be used ({error}); free some space or check permissions"
            ) from error


def _add_columns(db: sqlite3.Connection) -> None:
    for table, columns in _ADDED.items():
        present = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        for column, kind in columns.items():
            if column not in present:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def parse_folder(url: str) -> Path:
    """`sqlite:///absolute/folder`. Raises: Invalid."""
    folder = Path(url.removeprefix("sqlite://"))
    if not folder.is_absolute():
        raise Invalid("must be sqlite:// and the absolute path of a folder", field="BOOKSTREAM_FRONTIER_URL")
    return folder


def lock_exclusively(path: Path, conflict_text: str) -> Callable[[], None]:
    """Take a lock that ends with the process; returns the function that frees it. Raises: Conflict."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise Unavailable(f"the frontier's lock {path} can't be made ({error})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Conflict(conflict_text.format(path=path)) from error
    return file.close
