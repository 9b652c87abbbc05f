"""Client addresses: trusted proxies, limits by address, what services receive."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.unit.gateway.servers import (
    OpenGateway,
    RunningGateway,
    StubServices,
    find_unused_address,
    run_gateway,
)

from gateway.settings import Settings
from gateway.upstream.circuit_breaker import FAILURE_THRESHOLD

BEHIND = ("X-Forwarded-For: 6.6.6.6, 203.0.113.7", "X-Forwarded-Proto: https")


def list_forwarded_clients(services: StubServices) -> list[tuple[str, str]]:
    return [
        (request.headers["x-forwarded-for"], request.headers["x-forwarded-proto"])
        for request in services.requests
        if request.url.path != "/health/live"
    ]


def request_every_path(gate: RunningGateway, *lines: str) -> None:
    """Requests by ASGI, by the fast path, and a write."""
    with gate.connect() as wire:
        for path in ("/v1/search?q=1", "/v1/search?q=2"):
            wire.send(wire.build_get(path, *lines))
            assert wire.read_response().status == 200
        wire.send(wire.build_request("DELETE", "/v1/books/x", *lines))
        wire.read_response()


def test_services_receive_the_client_address_from_a_trusted_proxy(
    settings: Settings, services: StubServices
) -> None:
    behind = settings.model_copy(update={"gateway_trusted_proxies": ("127.0.0.0/8",)})
    with run_gateway(behind) as gate:
        request_every_path(gate, *BEHIND)
    assert list_forwarded_clients(services) == [("203.0.113.7", "https")] * 3


def test_forwarded_headers_of_untrusted_peers_are_ignored(
    gate: RunningGateway, services: StubServices
) -> None:
    request_every_path(gate, *BEHIND)
    assert list_forwarded_clients(services) == [("127.0.0.1", "http")] * 3


def test_address_limit_returns_429_without_upstream_requests(
    settings: Settings, services: StubServices
) -> None:
    few = settings.model_copy(
        update={"gateway_trusted_proxies": ("127.0.0.0/8",), "gateway_address_requests_per_minute": 5}
    )
    with run_gateway(few) as gate:  # one login has been counted: another address
        for path in ("/v1/books", "/v1/users/me"):  # by the fast path and by ASGI
            client = f"X-Forwarded-For: 203.0.113.{len(path)}"
            with gate.connect() as wire:
                for _ in range(5):
                    wire.send(wire.build_get(path, client))
                    assert wire.read_response().status == 200
                wire.send(wire.build_get(path, client) * 2)
                refused = wire.read_response()
                assert (refused.status, refused.headers["retry-after"]) == (429, "1")
                assert b"/problems/too-many-requests" in refused.body
                assert wire.read_to_end() == b"", "the connection ends with it"
            with gate.connect() as wire:
                wire.send(wire.build_get(path, "X-Forwarded-For: 198.51.100.1"))
                assert wire.read_response().status == 200
            for watched in ("/health/live", "/health/ready"):
                with gate.connect() as wire:
                    wire.send(wire.build_get(watched, client))
                    assert wire.read_response().status == 200, "never limited"
        text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
        assert "gateway_address_limited_requests_total 2.0" in text
        assert "gateway_crowded_total 2.0" in text, "the old name, for one version"
    assert len(services.requests) <= 2


@pytest.mark.parametrize("quota", ["gateway_address_requests_per_minute", "gateway_anonymous_per_minute"])
def test_addresses_of_one_ipv6_network_share_their_limits(
    settings: Settings, services: StubServices, quota: str
) -> None:
    few = settings.model_copy(update={"gateway_trusted_proxies": ("::ffff:127.0.0.0/104",), quota: 5})
    with run_gateway(few) as gate:
        statuses = []
        for number in range(8):
            client = f"X-Forwarded-For: [2001:db8:0:1::{number:x}]:4711"
            with gate.connect() as wire:
                wire.lines = b"Host: shop.example\r\n"
                wire.send(wire.build_get("/v1/books", client))
                statuses.append(wire.read_response().status)
        assert statuses == [401] * 5 + [429] * 3


def test_open_circuit_breaker_limits_requests_to_one_a_second(door: OpenGateway) -> None:
    client = door(find_unused_address())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: client.get(f"/v1/books/{n}"), range(FAILURE_THRESHOLD * 2)))
    assert {answer.status_code for answer in answers} == {503}
    resting = [answer for answer in answers if "once a second" in answer.json()["detail"]]
    assert len(resting) >= FAILURE_THRESHOLD - 8
    assert all(answer.headers["retry-after"] == "2" for answer in resting)
    assert 'gateway_upstream_breaker_open{service="books-api"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("networks", ["proxy.example", "10.0.0.0/40"])
def test_invalid_trusted_proxies_are_rejected_at_startup(networks: str) -> None:
    with pytest.raises(ValueError, match="gateway_trusted_proxies"):
        Settings(gateway_trusted_proxies=(networks,))
