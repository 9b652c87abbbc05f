"""Network addresses: whom the gateway believes, whom it slows down, what it tells services."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.unit.gateway.servers import Door, Gateway, TinyServices, gateway, nobody_listens

from gateway.settings import Settings
from gateway.upstream.circuit_breaker import FAILURE_THRESHOLD

BEHIND = ("X-Forwarded-For: 6.6.6.6, 203.0.113.7", "X-Forwarded-Proto: https")


def told(services: TinyServices) -> list[tuple[str, str]]:
    return [
        (request.headers["x-forwarded-for"], request.headers["x-forwarded-proto"])
        for request in services.requests
        if request.url.path != "/health/live"
    ]


def ask_both_lanes(gate: Gateway, *lines: str) -> None:
    """By the slow lane, then by the fast one, and a write."""
    with gate.wire() as wire:
        for path in ("/v1/search?q=1", "/v1/search?q=2"):
            wire.send(wire.get(path, *lines))
            assert wire.answer().status == 200
        wire.send(wire.request("DELETE", "/v1/books/x", *lines))
        wire.answer()


def test_services_are_told_the_client_that_a_trusted_proxy_names(
    settings: Settings, services: TinyServices
) -> None:
    behind = settings.model_copy(update={"gateway_trusted_proxies": ("127.0.0.0/8",)})
    with gateway(behind) as gate:
        ask_both_lanes(gate, *BEHIND)
    assert told(services) == [("203.0.113.7", "https")] * 3


def test_nobody_else_is_believed(gate: Gateway, services: TinyServices) -> None:
    ask_both_lanes(gate, *BEHIND)
    assert told(services) == [("127.0.0.1", "http")] * 3


def test_one_address_that_asks_too_often_is_told_to_wait_and_costs_nothing(
    settings: Settings, services: TinyServices
) -> None:
    few = settings.model_copy(
        update={"gateway_trusted_proxies": ("127.0.0.0/8",), "gateway_address_requests_per_minute": 5}
    )
    with gateway(few) as gate:  # one login has been counted: another address
        for path in ("/v1/books", "/v1/users/me"):  # by the fast lane and by the slow one
            client = f"X-Forwarded-For: 203.0.113.{len(path)}"
            with gate.wire() as wire:
                for _ in range(5):
                    wire.send(wire.get(path, client))
                    assert wire.answer().status == 200
                wire.send(wire.get(path, client) * 2)
                refused = wire.answer()
                assert (refused.status, refused.headers["retry-after"]) == (429, "1")
                assert b"/problems/too-many-requests" in refused.body
                assert wire.rest() == b"", "the connection ends with it"
            with gate.wire() as wire:
                wire.send(wire.get(path, "X-Forwarded-For: 198.51.100.1"))
                assert wire.answer().status == 200
        text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
        assert "gateway_crowded_total 2.0" in text
    assert len(services.requests) <= 2


def test_a_service_that_is_down_is_soon_asked_only_once_a_second(door: Door) -> None:
    client = door(nobody_listens())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: client.get(f"/v1/books/{n}"), range(FAILURE_THRESHOLD * 2)))
    assert {answer.status_code for answer in answers} == {503}
    resting = [answer for answer in answers if "once a second" in answer.json()["detail"]]
    assert len(resting) >= FAILURE_THRESHOLD - 8
    assert all(answer.headers["retry-after"] == "2" for answer in resting)
    assert 'gateway_upstream_breaker_open{service="books-api"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("networks", ["proxy.example", "10.0.0.0/40"])
def test_proxies_that_are_no_networks_are_refused_at_the_start(networks: str) -> None:
    with pytest.raises(ValueError, match="gateway_trusted_proxies"):
        Settings(gateway_trusted_proxies=(networks,))
