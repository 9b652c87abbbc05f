"""Servers and ingestors killed under load."""

import signal

import pytest
from tests.e2e.laptop import WITHIN
from tests.faults.conftest import BOOKS, STRUCK, Trial
from tests.faults.load import Publisher, build_story
from tests.promises import carries

from bookcore.kit.failpoint import Failpoint
from devstack.stack import Stack

INGESTOR = [
    point
    for point in Failpoint
    if point.startswith(("ingestor.", "consumer.")) and point is not Failpoint.INGESTOR_AFTER_PARK
]


@carries("survives-servers")
@pytest.mark.exclusive
@pytest.mark.parametrize("name", STRUCK)
def test_ingest_survives_a_killed_server(name: str, trial: Trial, stack: Stack) -> None:
    def strike() -> None:
        stack.stop([name], now=True)
        stack.start([name])

    trial.endure(strike)


@pytest.mark.exclusive
@pytest.mark.parametrize("name", STRUCK)
def test_ingest_survives_a_restarted_server(name: str, trial: Trial, stack: Stack) -> None:
    def strike() -> None:
        stack.stop([name])
        stack.start([name])

    trial.endure(strike)


@pytest.mark.parametrize("point", INGESTOR)
def test_next_ingestor_continues_after_a_kill_at_a_failpoint(point: Failpoint, trial: Trial) -> None:
    turn = 1 if ".after_relay" in point else 3  # the relay may send everything in one go
    with trial.laptop.run_ingestor(BOOKSTREAM_CRASH_AT=f"{point}:{turn}") as doomed:
        load = Publisher(trial.laptop, build_story(BOOKS)).start()
        assert doomed.wait(WITHIN) == -signal.SIGKILL
    with trial.laptop.run_ingestor():
        load.finish()
        trial.laptop.wait_until_settled()
    trial.check()
