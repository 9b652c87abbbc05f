"""A folder in which the workers of one gateway write down their numbers, so that each can tell those of all.

A reader adds up files alone, its own among them, never what it has in memory: each file only grows, and so
does their sum, whichever worker is asked next. When a worker has ended, what it counted is added to the file
of those before it, under a lock that readers take too, so that nothing is missed or counted twice.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.observability.counters import NO_COUNTERS, Counters, sum_counters

_ENDED, _LOCK = "ended", "lock"
_LIVE = "live-"


class WorkerCounters:
    """As the worker of that name sees it. Everything raises OSError when the folder is in the way."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def publish(self, numbers: Counters) -> None:
        """Replace what this worker wrote before."""
        _write(self._folder, _LIVE + self._name, numbers)

    def read_total(self) -> Counters:
        """The sum over all workers, those that have ended included."""
        with _hold_lock(self._folder, fcntl.LOCK_SH):
            living = [_read(path) for path in self._folder.glob(f"{_LIVE}*")]
            return sum_counters([_read(self._folder / _ENDED), *living])


def fold_exited(folder: Path, name: str) -> None:
    """A worker has ended: keep what it counted. For whoever started it. Raises: OSError."""
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
