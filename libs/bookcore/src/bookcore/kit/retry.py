"""Runs background work again after a failure, until the process stops."""

from collections.abc import Callable
from threading import Event

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.kit.logger import get_logger

_log = get_logger(__name__)
_DEFAULT_DELAY = 1.0  # seconds


def run_until_stopped(
    work: Callable[[], object],
    stop: Event,
    *,
    name: str,
    retry_on: type[BookstreamError] = Unavailable,
) -> None:
    """Calls `work` until `stop` is set; after an error of type `retry_on` waits and calls it again.

    The delay is the error's `retry_after`, 1 s for errors without one. Raises: every other error.
    """
    while not stop.is_set():
        try:
            work()
        except retry_on as error:
            delay = error.retry_after if isinstance(error, Unavailable) else _DEFAULT_DELAY
            _log.warning("dependency unavailable; retrying", component=name, error=str(error), delay=delay)
            stop.wait(delay)
