"""The ids that a file has had so far, in a temporary file of SQLite: memory is bounded whatever its size."""

import sqlite3
from hashlib import blake2b


class ListingIds:
    """Compares listings of one id over the whole file. Closing removes the temporary file."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # "" is a temporary file that SQLite removes
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA cache_size = -20000")
        self._db.execute("CREATE TABLE ids (id INTEGER PRIMARY KEY, number INTEGER, content TEXT)")
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Remove the file."""
        self._db.close()

    def add(self, source_id: str, content_hash: str, number: int) -> tuple[int, bool] | None:
        """None for a new id; else the first listing that has it, by number, and whether it is equal."""
        key = int.from_bytes(blake2b(source_id.encode(), digest_size=8).digest(), "big", signed=True)
        inserted = self._db.execute(
            "INSERT OR IGNORE INTO ids VALUES (?, ?, ?)", (key, number, content_hash[:32])
        ).rowcount
        if inserted:
            return None
        first, content = self._db.execute("SELECT number, content FROM ids WHERE id = ?", (key,)).fetchone()
        return first, content == content_hash[:32]
