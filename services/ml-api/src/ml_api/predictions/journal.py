"""Write-ahead journal of predictions that are not in table and topic yet: a killed process loses none.

Processes of a machine share a folder. Each holds a lock on `<name>.lock`; its segments are
`<name>-<number>.jsonl`, one prediction a line. A segment is deleted once all of it is in table and topic. A
starting process takes over the segments of dead ones.

Lines are written, not synced: they survive the process, not a power cut.
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
    """Not safe for several threads: the recorder locks."""

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
        """Write rows to the current segment. Raises: Unavailable."""
        lines = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        try:
            if self._segment is None:
                self._segment = os.open(self._path, _FLAGS, 0o600)
            if os.write(self._segment, lines) != len(lines):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            self._size += len(lines)
        except OSError as error:
            if self._segment is not None:  # never append to half a line
                os.ftruncate(self._segment, self._size)
            raise Unavailable(f"the journal of predictions can't be written ({error.strerror})") from error

    def rotate(self) -> Path:
        """Close the current segment and return it; the next rows go to a new one."""
        before = self._path
        if self._segment is not None:
            os.close(self._segment)
            self._segment, self._size, self._number = None, 0, self._number + 1
        return before

    def read_orphans(self) -> Iterator[tuple[Path, list[PredictionRow]]]:
        """Segments of dead processes with their rows; a truncated line was never returned to a client.

        The caller stores the rows and deletes the segment before it takes the next.
        """
        for lock in sorted(self._folder.glob("*.lock")):
            if lock.stem == self._name:
                continue
            try:
                descriptor = _lock_file(lock)
            except OSError:
                continue  # that process is alive
            for path in sorted(self._folder.glob(f"{lock.stem}-*.jsonl")):
                yield path, list(_read_rows(path))
            if not any(self._folder.glob(f"{lock.stem}-*.jsonl")):
                lock.unlink(missing_ok=True)
            os.close(descriptor)

    def close(self) -> None:
        """Close, and delete the lock file unless segments are left."""
        self.rotate()
        if not any(self._folder.glob(f"{self._name}-*.jsonl")):
            (self._folder / f"{self._name}.lock").unlink(missing_ok=True)
        os.close(self._lock)

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name}-{self._number}.jsonl"


def _lock_file(path: Path) -> int:
    """Raises: OSError when another process has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _read_rows(path: Path) -> Iterator[PredictionRow]:
    for line in path.read_bytes().splitlines():
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
