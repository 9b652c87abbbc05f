import re

import httpx
import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import RunningGateway, StubServices

from bookcore.kit.admin.families import list_families


def test_metrics_count_requests_and_their_duration(gate: RunningGateway, services: StubServices) -> None:
    with gate.connect() as wire:
        for _ in range(3):
            wire.send(wire.build_get("/v1/books"))
            wire.read_response()
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    assert 'gateway_requests_total{method="GET",route="/books",status="200"} 3.0' in text
    assert 'gateway_request_seconds_bucket{le="+Inf",route="/books"} 3.0' in text
    assert "gateway_cache_entries 1.0" in text


def test_every_metric_is_described(gate: RunningGateway) -> None:
    text = httpx.get(f"{gate.address}/metrics", trust_env=False).text
    named = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    assert named == {family.name for family in list_families("gateway")}


def test_metrics_are_hidden_from_public_addresses(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/health/live", "/v1/users/me", "/nothing"])
def test_own_endpoints_return_request_ids_too(gate: RunningGateway, path: str) -> None:
    headers = httpx.get(f"{gate.address}{path}", trust_env=False).headers
    assert {"x-request-id", "traceparent", "cache-status", "server-timing"} <= headers.keys()
