"""Every request is counted, limited, logged and metered, whichever lane takes it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from tests.gateway.rolling import wait_until
from tests.unit.gateway.downstream.test_streaming import SWITCHED, UPGRADE, serve_echo
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import RunningGateway, StubServices, run_gateway

from bookcore.kit.logger import FIELDS
from gateway.downstream.context import ConnectionLimits
from gateway.settings import Settings

SHORT = ConnectionLimits(head_bytes=2_000, head_seconds=0.2)
REFUSED = {
    "no HTTP": (b"\x16\x03\x01 not HTTP\r\n\r\n", 400),
    "a second Host": (b"GET /v1/books HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "a large head": (b"GET /v1/books HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 3_000, 431),
    "a slow head": (b"GET /v1/books HTTP/1.1\r\nHost: a\r\n", 408),
}


def read_metric(gate: RunningGateway, name: str) -> dict[str, float]:
    """Samples by their labels."""
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    samples = ((sample.partition("{"), float(value)) for sample, _, value in lines)
    return {labels: value for (sample, _, labels), value in samples if sample == name}


@contextmanager
def limit_address(settings: Settings, per_minute: int) -> Iterator[RunningGateway]:
    """A gateway that accepts so many requests of an address; one is used for the administrator's login."""
    limited = settings.model_copy(update={"gateway_address_requests_per_minute": per_minute})
    with run_gateway(limited) as gate:
        yield gate


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_head_is_counted_and_logged_with_the_clients_address(
    settings: Settings, services: StubServices, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    sent, status = REFUSED[kind]
    with run_gateway(settings, SHORT) as gate, RawConnection(gate.address, "") as wire:
        wire.send(sent)
        answer = wire.read_response()
        assert answer.status == status
        counted = read_metric(gate, "gateway_requests_total")
    assert sum(count for labels, count in counted.items() if f'status="{status}"' in labels) == 1
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if f'"status":{status}' in line]
    assert [(line["address"], line["request_id"]) for line in lines] == [
        ("127.0.0.1", answer.headers["x-request-id"])
    ]


def test_request_refused_for_its_address_is_counted_and_logged(
    settings: Settings, services: StubServices, capfd: pytest.CaptureFixture[str]
) -> None:
    with limit_address(settings, 3) as gate:
        statuses = []
        for _ in range(4):
            with gate.connect() as wire:
                wire.send(wire.build_get("/v1/books?limit=5"))
                statuses.append(wire.read_response().status)
    assert statuses == [200, 200, 429, 429]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"status":429' in line]
    assert [(line["route"], line["path"], line["address"]) for line in lines] == [
        ("/books", "/v1/books", "127.0.0.1")
    ] * 2


def test_upgrade_request_counts_against_the_limit_of_its_address(
    settings: Settings, services: StubServices
) -> None:
    statuses = []
    with limit_address(settings, 4) as gate:
        for _ in range(5):
            with gate.connect() as wire:
                wire.send(wire.build_get("/v1/books", *UPGRADE))
                statuses.append(wire.read_response().status)
    assert statuses == [200, 200, 200, 429, 429]


def test_upgrade_request_at_a_path_without_websockets_is_an_ordinary_get(
    gate: RunningGateway, services: StubServices
) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/books", *UPGRADE))
        assert wire.read_response().status == 200
        assert "upgrade" not in services.last_request.headers
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/books", *UPGRADE))
        assert "hit" in wire.read_response().headers["cache-status"]


@pytest.mark.parametrize("lines", [UPGRADE[:1], ("Upgrade: h2c", "Connection: Upgrade"), UPGRADE[1:2]])
def test_request_without_both_upgrade_headers_is_no_websocket(
    settings: Settings, services: StubServices, lines: tuple[str, ...]
) -> None:
    with_paths = settings.model_copy(update={"gateway_websocket_paths": ("/v1/books",)})
    with run_gateway(with_paths) as gate, gate.connect() as wire:
        wire.send(wire.build_get("/v1/books", *lines))
        assert wire.read_response().status == 200
        assert "upgrade" not in services.last_request.headers


def test_websocket_is_counted_when_it_opens_and_when_it_closes(
    settings: Settings, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="gateway.downstream.websocket")
    with serve_echo(SWITCHED) as service:
        update = {"search_api_urls": (service,), "gateway_websocket_paths": ("/v1/search",)}
        with run_gateway(settings.model_copy(update=update)) as gate:
            with gate.connect() as wire:
                wire.send(wire.build_get("/v1/search", *UPGRADE))
                assert wire.read_head()[0] == 101
                wire.send(b"hello")
                assert wire.read_exactly(5) == b"HELLO"
                assert read_metric(gate, "gateway_websockets") == {"": 1}
            wait_until(lambda: read_metric(gate, "gateway_websockets") == {"": 0})
            assert read_metric(gate, "gateway_websockets_opened_total") == {"": 1}
    logged = "".join(capfd.readouterr())
    assert '"status":101' in logged
    (closed,) = (line for line in caplog.records if line.getMessage() == "websocket closed")
    assert getattr(closed, FIELDS)["bytes_from_client"] == 5


def test_caller_and_address_have_a_limit_of_open_websockets(settings: Settings) -> None:
    with serve_echo(SWITCHED) as service:
        update = {
            "search_api_urls": (service,),
            "gateway_websocket_paths": ("/v1/search",),
            "gateway_websockets_per_caller": 1,
        }
        with run_gateway(settings.model_copy(update=update)) as gate:
            with gate.connect() as first:
                first.send(first.build_get("/v1/search", *UPGRADE))
                assert first.read_head()[0] == 101
                with gate.connect() as second:
                    second.send(second.build_get("/v1/search", *UPGRADE))
                    assert second.read_response().status == 429
            wait_until(lambda: read_metric(gate, "gateway_websockets") == {"": 0})
            with gate.connect() as third:
                third.send(third.build_get("/v1/search", *UPGRADE))
                assert third.read_head()[0] == 101
