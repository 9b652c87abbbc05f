"""What networks do to the connections of each server."""

from collections.abc import Callable
from threading import Event

import pytest
from tests.faults.conftest import Trial

from bookcore.testing.proxy import FaultProxy
from devstack.stack import Stack

KAFKA = pytest.param("kafka", marks=pytest.mark.xdist_group("kafka"))  # its proxy has one port
SERVERS = [KAFKA, "versitygw", "postgresql", "elasticsearch"]
SILENCE = 8.0  # seconds


def latency(proxy: FaultProxy) -> None:
    """A quarter of a second each way, for five seconds."""
    proxy.delay(0.25)
    Event().wait(5)
    proxy.delay(0)


def resets(proxy: FaultProxy) -> None:
    """All connections break, five times."""
    for _ in range(5):
        proxy.reset()
        Event().wait(0.3)


def half_open(proxy: FaultProxy) -> None:
    """Silence, in which nobody says that the connections are dead."""
    proxy.stall()
    Event().wait(SILENCE)
    proxy.resume()


def half_answers(proxy: FaultProxy) -> None:
    """The next five answers come half, then the connection breaks."""
    proxy.drop_connections(5)
    assert proxy.struck.wait(30)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("fault", [latency, resets, half_open, half_answers])
def test_ingest_survives_a_network_fault(
    name: str, fault: Callable[[FaultProxy], None], trial: Trial, stack: Stack
) -> None:
    with trial.run_behind_proxy(stack, name) as (behind, proxy):
        behind.endure(lambda: fault(proxy))


def refusal(status: bytes, code: bytes) -> bytes:
    """An answer as S3 gives it when it is overloaded or broken."""
    body = b"<Error><Code>" + code + b"</Code><Message>later</Message></Error>"
    head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    return head + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "answer",
    [
        refusal(b"503 Slow Down", b"SlowDown"),
        refusal(b"500 Oh", b"InternalError"),
        refusal(b"507 Insufficient Storage", b"InsufficientStorage"),
    ],
    ids=["503", "500", "full"],
)
def test_ingest_survives_s3_errors(answer: bytes, trial: Trial, stack: Stack) -> None:
    with trial.run_behind_proxy(stack, "versitygw") as (behind, proxy):
        behind.endure(lambda: proxy.respond(answer, times=12))
        assert proxy.struck.is_set()


def test_ingest_survives_a_lost_commit_response(trial: Trial, stack: Stack) -> None:
    with trial.run_behind_proxy(stack, "postgresql") as (behind, proxy):

        def strike() -> None:
            for _ in range(3):
                proxy.struck.clear()
                proxy.drop_after(b"COMMIT")
                assert proxy.struck.wait(30)

        behind.endure(strike)
