"""What is refused before it was read whole: the client can read the response all the same."""

import http.client
from time import monotonic
from urllib.parse import urlsplit

import pytest
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import RunningGateway, run_gateway

from gateway.downstream.context import ConnectionLimits
from gateway.settings import Settings

FIVE_MEGABYTES = b"x" * 5_000_000


def open_client(gate: RunningGateway) -> http.client.HTTPConnection:
    parts = urlsplit(gate.address)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)


@pytest.mark.parametrize("path", ["/v1/auth/login", "/v1/books"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_client_that_sends_its_whole_body_first_reads_the_413(
    gate: RunningGateway, path: str, framing: str
) -> None:
    is_chunked = framing == "chunks"
    for _ in range(5):
        client = open_client(gate)
        headers = {"Authorization": f"Bearer {gate.token}", "Content-Type": "application/json"}
        body = (FIVE_MEGABYTES[:100_000] for _ in range(50)) if is_chunked else FIVE_MEGABYTES
        client.request("POST", path, body, headers, encode_chunked=is_chunked)
        answer = client.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
        assert b"1000 bytes" in answer.read()
        client.close()


def send_for(seconds: float, wire: RawConnection) -> None:
    began = monotonic()
    while monotonic() - began < seconds:
        wire.send(b"x" * 10_000)


def test_endless_body_is_cut_off_soon_after_the_413(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_request("PUT", "/v1/books/x", "Content-Length: 1000000000"))
        assert wire.read_response().status == 413
        began = monotonic()
        with pytest.raises((ConnectionError, BrokenPipeError)):
            send_for(8, wire)
        assert monotonic() - began < 6


def test_client_that_waits_for_100_continue_is_not_waited_for(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        began = monotonic()
        wire.send(wire.build_request("PUT", "/v1/books/x", "Content-Length: 5000", "Expect: 100-continue"))
        assert wire.read_response().status == 413
        assert wire.read_to_end() == b""
        assert monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/books HTTP/1.1\r\nX-Long: " + b"x" * 4_000_000, 431),
        (b"GET /v1/books?" + b"x" * 4_000_000, 414),
        (b"POST /v1/books HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 4_000_000, 400),
        (b"\x16\x03\x01" + b"x" * 4_000_000, 400),
    ],
)
def test_refused_head_with_bytes_behind_it_is_answered(
    gate: RunningGateway, request_bytes: bytes, status: int
) -> None:
    for _ in range(3):
        with gate.connect() as wire:
            wire.send(request_bytes)
            answer = wire.read_response()
            assert (answer.status, answer.headers["connection"]) == (status, "close")
            assert wire.read_to_end() == b""


def test_refused_connection_of_a_silent_client_closes(settings: Settings) -> None:
    with run_gateway(settings, ConnectionLimits()) as gate, gate.connect() as wire:
        wire.send(b"nonsense\r\n\r\n")
        assert wire.read_response().status == 400
        connections = gate.app.state.downstream.connections
        began = monotonic()
        while connections.count() and monotonic() - began < 5:
            pass
        assert connections.count() == 0
