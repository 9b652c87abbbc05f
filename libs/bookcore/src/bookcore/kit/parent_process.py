"""A service that `bookstream` started stops when `bookstream` is gone, however it went."""

import os
import signal
from threading import Thread

ENVIRONMENT_VARIABLE = "BOOKSTREAM_PARENT_PIPE"


def stop_with_parent() -> None:
    """When the environment names a pipe's reading end, turn its end of file into a SIGTERM to this process.

    The parent holds the writing end and never writes; the kernel closes it even after a kill -9.
    """
    descriptor = os.environ.get(ENVIRONMENT_VARIABLE)
    if descriptor:
        Thread(target=_wait_for_parent, args=(int(descriptor),), daemon=True).start()


def _wait_for_parent(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
