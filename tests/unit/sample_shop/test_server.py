"""The process: what it prints, how it refuses, how it ends."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from sample_shop.server import ListenError, format_address, listen

COMMAND = (sys.executable, "-m", "sample_shop")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen((*COMMAND, "--port", "0"), stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_server_prints_its_address_serves_and_stops_in_order(
    stop: signal.Signals, process: subprocess.Popen[str]
) -> None:
    line = first_line(process)
    assert line.startswith("60 books at http://127.0.0.1:")
    assert httpx.get(line.split()[-1], trust_env=False).status_code == 200
    process.send_signal(stop)
    assert process.wait(timeout=20) == 0


def test_active_request_is_cancelled_at_stop_without_an_error() -> None:
    command = (*COMMAND, "--port", "0", "--fault", "slow:1", "--slow-seconds", "500")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = httpx.URL(first_line(process).split()[-1])
        with socket.create_connection((url.host, url.port or 0)) as visitor:
            visitor.sendall(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            assert httpx.get(url.join("/_shop/faults"), trust_env=False).status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_port_in_use_is_named_with_a_remedy() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        refused = subprocess.run((*COMMAND, "--port", str(port)), capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        f"port {port} on 127.0.0.1 is in use; choose another with --port, or any free one with --port 0\n"
    )


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70_000)])
def test_unusable_address_is_refused(host: str, port: int) -> None:
    with pytest.raises(ListenError):
        listen(host, port)


def test_responses_are_sent_without_nagle_delay() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_address_is_printed_as_a_url() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert format_address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"
