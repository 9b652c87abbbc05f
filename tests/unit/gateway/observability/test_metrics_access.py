"""Who gets the metrics: not the world behind an ingress, and on a port of its own whoever reaches it."""

import httpx
import pytest
from tests.unit.gateway.servers import RunningGateway, StubServices, run_gateway

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.kit.listener import bind
from bookcore.kit.settings import read_settings
from bookstream.services import find_free_port
from gateway.app import create_app
from gateway.settings import Settings

FORWARDED = ("X-Forwarded-For: 10.0.0.9", 'Forwarded: for="10.0.0.9"', "X-Real-IP: 10.0.0.9", "Via: 1.1 x")


@pytest.fixture
def operated(settings: Settings) -> Settings:
    """With an admin port."""
    return settings.model_copy(update={"admin_port": find_free_port()})


def read_status(gate: RunningGateway, path: str, *lines: str) -> int:
    with gate.connect() as wire:
        wire.send(wire.build_get(path, *lines))
        return wire.read_response().status


@pytest.mark.parametrize("line", FORWARDED)
def test_metrics_are_refused_behind_a_proxy_that_is_not_trusted(gate: RunningGateway, line: str) -> None:
    assert read_status(gate, "/metrics") == 200
    assert read_status(gate, "/metrics", line) == 404
    assert read_status(gate, "/health/live", line) == 200


def test_metrics_behind_a_trusted_proxy_are_for_private_clients(
    settings: Settings, services: StubServices
) -> None:
    behind = settings.model_copy(update={"gateway_trusted_proxies": ("127.0.0.0/8",)})
    with run_gateway(behind) as gate:
        assert read_status(gate, "/metrics", "X-Forwarded-For: 10.0.0.9") == 200
        assert read_status(gate, "/metrics", "X-Forwarded-For: 8.8.8.8") == 404


def test_admin_port_has_metrics_and_health_and_nothing_else(
    operated: Settings, services: StubServices
) -> None:
    with run_gateway(operated) as gate:
        address = f"http://127.0.0.1:{operated.admin_port}"
        with httpx.Client(base_url=address, trust_env=False) as client:
            client.headers["Authorization"] = f"Bearer {gate.token}"
            for path in ("/health/live", "/health/ready", "/health/detail", "/metrics"):
                answer = client.get(path, headers={"X-Forwarded-For": "8.8.8.8"})
                assert answer.status_code == 200, path
            assert "gateway_workers 1.0" in answer.text
            for path in ("/v1/books", "/v1/users/me", "/docs", "/portal", "/", "/metrics/", "//metrics"):
                assert client.get(path).status_code == 404, path
        assert read_status(gate, "/metrics") == 404
        assert read_status(gate, "/health/live") == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/metrics", trust_env=False)


def test_admin_port_in_use_is_named_at_start(operated: Settings) -> None:
    port = operated.admin_port
    with bind("127.0.0.1", port), pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}"):
        create_app(operated)


def test_admin_port_must_differ_from_the_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSTREAM_ADMIN_PORT", "8080")
    with pytest.raises(Invalid, match="another port"):
        read_settings(Settings)
