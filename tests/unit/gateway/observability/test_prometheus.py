import re

import httpx
import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import Gateway, TinyServices

from gateway.observability.prometheus import METRICS


def test_metrics_tell_what_was_asked_and_how_long_it_took(gate: Gateway, services: TinyServices) -> None:
    with gate.wire() as wire:
        for _ in range(3):
            wire.send(wire.get("/v1/books"))
            wire.answer()
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    assert 'gateway_requests_total{method="GET",route="/books",status="200"} 3.0' in text
    assert 'gateway_request_seconds_bucket{le="+Inf",route="/books"} 3.0' in text
    assert "gateway_cache_entries 1.0" in text


def test_every_metric_is_on_the_described_list(gate: Gateway) -> None:
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    named = set(re.findall(r"^# HELP (\w+?)(?:_total)? ", text, re.MULTILINE))
    assert named == set(METRICS)


def test_strangers_see_no_metrics(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/health/live", "/v1/users/me", "/nothing"])
def test_the_gateways_own_answers_carry_their_names_too(gate: Gateway, path: str) -> None:
    headers = httpx.get(f"{gate.address}{path}", trust_env=False).headers
    assert {"x-request-id", "traceparent", "cache-status", "server-timing"} <= headers.keys()
