"""Background work is retried until the process stops."""

from threading import Event

import pytest

from bookcore.domain.errors import BookstreamError, Conflict, Unavailable
from bookcore.kit.retry import run_until_stopped


class Work:
    """Raises the given errors, one per call, then stops."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.stop = Event()

    def run(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        self.stop.set()


def test_work_is_repeated_after_an_unavailable_dependency() -> None:
    work = Work(Unavailable("the log is full", retry_after=0.001), Unavailable("again", retry_after=0.001))
    run_until_stopped(work.run, work.stop, name="test")
    assert work.calls == 3


def test_another_error_ends_the_work() -> None:
    work = Work(Conflict("another process writes"))
    with pytest.raises(Conflict):
        run_until_stopped(work.run, work.stop, name="test")
    assert work.calls == 1


def test_a_stop_during_the_delay_ends_the_wait_at_once() -> None:
    stop = Event()

    def fail() -> None:
        stop.set()
        raise Unavailable("away", retry_after=3_600)

    run_until_stopped(fail, stop, name="test", retry_on=BookstreamError)
