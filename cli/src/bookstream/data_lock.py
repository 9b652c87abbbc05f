"""Locks a data folder: one `bookstream` at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from bookcore.domain.errors import Unavailable


@contextmanager
def lock_data_folder(data: Path) -> Iterator[None]:
    """Lock the folder until the end of the block; the kernel frees it when this process is killed.

    Raises: Unavailable when another process has the lock, or the folder can't be created.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "bookstream.lock").open("w")
    except OSError as error:
        raise Unavailable(f"cannot use the data folder {data} ({error.strerror}); choose another") from error
    with lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            message = f"another bookstream runs on {data}; stop it, or choose another --data"
            raise Unavailable(message) from error
        yield
