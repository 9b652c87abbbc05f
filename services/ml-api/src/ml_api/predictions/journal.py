"""What was predicted and isn't in table and topic yet, on this machine's disk: a kill loses none of it.

A folder is shared by the processes of a machine. Each has a name of its own and holds a lock on `<name>.lock`
while it lives; its segments are `<name>-<number>.jsonl`, a prediction a line. A segment goes when all
of it is in table and topic. Who starts takes over the segments of those who are dead.

Lines are handed to the kernel, not synced: they outlive the process, not a power cut.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from errno import ENOSPC
from pathlib import Path
from uuid import uuid4

import orjson

from bookcore.domain.errors import Unavailable
from ml_api.predictions.store import PredictionRow

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class PredictionJournal:
    """Not safe for several threads: its recorder has the lock."""

    def __init__(self, folder: Path) -> None:
        """Raises: Unavailable when the folder can't be written."""
        self._folder, self._name, self._number = folder, uuid4().hex, 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock_file(folder / f"{self._name}.lock")
        except OSError as error:
            raise Unavailable(f"the journal of predictions can't be written ({error.strerror})") from error
        self._segment: int | None = None
        self._size = 0

    def append(self, rows: Sequence[PredictionRow]) -> None:
        """On its way to the disk when this returns. Raises: Unavailable."""
        lines = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        try:
            if self._segment is None:
                self._segment = os.open(self._path, _FLAGS, 0o600)
            if os.write(self._segment, lines) != len(lines):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            self._size += len(lines)
        except OSError as error:
            if self._segment is not None:  # nothing is ever added to half a line
                os.ftruncate(self._segment, self._size)
            raise Unavailable(f"the journal of predictions can't be written ({error.strerror})") from error

    def rotate(self) -> Path:
        """The segment that was written to until now; what comes goes to another."""
        before = self._path
        if self._segment is not None:
            os.close(self._segment)
            self._segment, self._size, self._number = None, 0, self._number + 1
        return before

    def read_orphans(self) -> Iterator[tuple[Path, list[PredictionRow]]]:
        """Segments of processes that are dead, with their rows; a line that was cut off was never answered.

        Whoever has written a segment's rows down deletes it before asking for the next.
        """
        for lock in sorted(self._folder.glob("*.lock")):
            if lock.stem == self._name:
                continue
            try:
                held = _lock_file(lock)
            except OSError:
                continue  # it lives
            for path in sorted(self._folder.glob(f"{lock.stem}-*.jsonl")):
                yield path, list(_read_rows(path))
            if not any(self._folder.glob(f"{lock.stem}-*.jsonl")):
                lock.unlink(missing_ok=True)
            os.close(held)

    def close(self) -> None:
        """Leave nothing behind, unless something isn't written down yet."""
        self.rotate()
        if not any(self._folder.glob(f"{self._name}-*.jsonl")):
            (self._folder / f"{self._name}.lock").unlink(missing_ok=True)
        os.close(self._lock)

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name}-{self._number}.jsonl"


def _lock_file(path: Path) -> int:
    """Raises: OSError when somebody else has it."""
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _read_rows(path: Path) -> Iterator[PredictionRow]:
    for line in path.read_bytes().splitlines():
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
