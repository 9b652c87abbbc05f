"""Processes that begin at once make a file's tables in turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """No other process that asks for the same file goes on meanwhile; its folder is made.

    SQLite alone is not enough: two who turn a new file to WAL at once are told that it is locked, however
    long they would wait. Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield
