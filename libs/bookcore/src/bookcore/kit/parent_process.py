"""Stops a service when the `bookstream` process that started it ends, for any reason."""

import os
import signal
from threading import Thread

ENVIRONMENT_VARIABLE = "BOOKSTREAM_PARENT_PIPE"


def stop_with_parent() -> None:
    """Sends SIGTERM to this process at the end of file of the pipe that the environment names.

    The parent holds the writing end and never writes; the kernel closes it even after a kill -9.
    """
    descriptor = os.environ.get(ENVIRONMENT_VARIABLE)
    if descriptor:
        Thread(target=_wait_for_parent, args=(int(descriptor),), daemon=True).start()


def _wait_for_parent(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
