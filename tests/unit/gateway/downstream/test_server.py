"""The gateway's server: accepting, draining."""

from contextlib import ExitStack
from threading import Event, Thread

import httpx
import pytest
from tests.unit.gateway.servers import ADMIN, RunningGateway, StubServices

from bookcore.kit import draining
from bookcore.kit.listener import bind
from gateway.app import create_app
from gateway.downstream.server import GatewayServer, build_config
from gateway.settings import Settings


def test_draining_gateway_closes_connections_with_their_next_response(
    settings: Settings, services: StubServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "DRAIN_TICKS", 10_000)  # until there is no connection
    started, listener = Event(), bind("127.0.0.1", 0)
    server = GatewayServer(build_config(create_app(settings)), on_started=lambda _: started.set())
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    assert started.wait(30)
    port = listener.getsockname()[1]
    gate = RunningGateway(f"http://127.0.0.1:{port}", log_in_at(port), server.config.app)  # type: ignore[arg-type]
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/books"))
        assert "connection" not in wire.read_response().headers
        server.should_exit = True
        closing = ""
        for _ in range(1_000):
            Event().wait(0.01)
            wire.send(wire.build_get("/v1/books"))
            closing = wire.read_response().headers.get("connection", "")
            if closing:
                break
        assert closing == "close"
        assert wire.read_to_end() == b""
    thread.join()


def log_in_at(port: int) -> str:
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/auth/login", json=ADMIN, trust_env=False)
    return str(answer.json()["access_token"])


def test_connections_that_arrive_at_once_are_all_accepted(gate: RunningGateway) -> None:
    with ExitStack() as stack:
        wires = [stack.enter_context(gate.connect()) for _ in range(300)]
        for wire in wires:
            wire.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert {wire.read_response().status for wire in wires} == {200}
