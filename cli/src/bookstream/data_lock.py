"""One `bookstream` per data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from bookcore.domain.errors import Unavailable


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder; the kernel frees it when this process ends, however it ends.

    Raises: Unavailable when another process has it, or it can't be made.
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
