"""Counters of all workers, in files of a shared folder, so that each worker can report the sum.

A reader sums files only, its own included, never its memory: each file only grows, and so does the sum,
whichever worker is scraped next. The counts of a worker that exited are added to the file of exited
workers under a lock that readers share, so nothing is missed or counted twice.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.observability.counters import NO_COUNTERS, Counters, sum_counters

_ENDED, _LOCK = "ended", "lock"
_LIVE = "live-"


class WorkerCounters:
    """The view of the worker `name`. All methods raise OSError when the folder can't be used."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def publish(self, numbers: Counters) -> None:
        """Replaces this worker's file."""
        _write(self._folder, _LIVE + self._name, numbers)

    def read_total(self) -> Counters:
        """The sum over all workers, exited ones included."""
        with _hold_lock(self._folder, fcntl.LOCK_SH):
            living = [_read(path) for path in self._folder.glob(f"{_LIVE}*")]
            return sum_counters([_read(self._folder / _ENDED), *living])


def fold_exited(folder: Path, name: str) -> None:
    """Adds an exited worker's counts to those of all exited ones; for its parent. Raises: OSError."""
    with _hold_lock(folder, fcntl.LOCK_EX):
        last = folder / (_LIVE + name)
        counted = Counters(_read(last).counts, {})
        _write(folder, _ENDED, sum_counters([_read(folder / _ENDED), counted]))
        last.unlink(missing_ok=True)


@contextmanager
def _hold_lock(folder: Path, how: int) -> Iterator[None]:
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, how)
        yield


def _write(folder: Path, name: str, numbers: Counters) -> None:
    draft = folder / f".{name}"
    draft.write_bytes(numbers.pack())
    draft.replace(folder / name)


def _read(path: Path) -> Counters:
    with suppress(FileNotFoundError):
        return Counters.unpack(path.read_bytes())
    return NO_COUNTERS
