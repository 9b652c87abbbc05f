"""The folder of an index: created once by concurrent processes, read at its newest commit."""

import fcntl
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

import tantivy

from bookcore.domain.errors import Conflict, Unavailable
from bookcore.search import OutdatedIndex

_TRIES = 25
_BETWEEN = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class _State:
    """Identity of a commit in a folder: changes exactly when there is something new to read."""

    folder: int
    meta: tuple[int, int, int]


class ReaderSnapshots:
    """Returns the newest committed state; one stat call when nothing changed.

    A replaced folder is reopened; while it is missing, the last state stays in use.
    """

    def __init__(self, folder: Path, schema: tantivy.Schema) -> None:
        self._folder = folder
        self._schema = schema
        self._lock = Lock()
        self.index = open_or_create(folder, schema)
        self._state = _read_state(folder)
        self._searcher = self.index.searcher()

    def get_newest(self) -> tantivy.Searcher:
        """Raises: Unavailable when the folder cannot be read any longer."""
        with self._lock:
            state = _read_state(self._folder)
            if state is not None and state != self._state:
                self._renew()
            return self._searcher

    def _renew(self) -> None:
        for left in reversed(range(_TRIES)):
            state = _read_state(self._folder)
            if state is None:
                return
            try:
                self._load(state)
                return
            except (OSError, ValueError) as error:
                # Files disappear while a folder is replaced, permanently only when it is damaged.
                if not left:
                    raise _build_unavailable(self._folder, error) from error
            time.sleep(_BETWEEN)

    def _load(self, state: _State) -> None:
        if self._state is None or state.folder != self._state.folder:
            self.index = open_or_create(self._folder, self._schema)
        self.index.reload()
        self._searcher = self.index.searcher()
        self._state = state


def open_or_create(folder: Path, schema: tantivy.Schema) -> tantivy.Index:
    """Raises: OutdatedIndex when the folder holds an index of another schema, Unavailable when it cannot be
    used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "create.flock").open("w") as creating:
            fcntl.flock(creating, fcntl.LOCK_EX)
            index = tantivy.Index(schema, path=str(folder))
        index.config_reader(reload_policy="manual")
    except (OSError, ValueError) as error:
        if "schema does not match" in str(error):
            raise OutdatedIndex(
                f"the search index {folder} was made by another version;"
                " rebuild it with `bookstream replay --index`"
            ) from error
        raise _build_unavailable(folder, error) from error
    return index


def acquire_writer_lock(folder: Path) -> IO[bytes]:
    """The single writer's lock, held until the file is closed or the process ends.

    Raises: Conflict when another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "writer.flock").open("ab")
    except OSError as error:
        raise _build_unavailable(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Conflict(
            f"another process writes the search index {folder}; stop that ingestor first"
        ) from error
    return lock


def _read_state(folder: Path) -> _State | None:
    try:
        meta = (folder / "meta.json").stat()
        return _State(folder.stat().st_ino, (meta.st_ino, meta.st_mtime_ns, meta.st_size))
    except OSError:
        return None


def _build_unavailable(folder: Path, error: OSError | ValueError) -> Unavailable:
    return Unavailable(f"the search index {folder} can't be opened ({error}); check the folder and its owner")
