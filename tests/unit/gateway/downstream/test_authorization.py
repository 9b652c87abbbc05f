"""One authorization for every way in: fast path, ASGI and WebSocket."""

import pytest
from tests.unit.gateway.servers import RunningGateway, StubServices

UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")
TRAVERSAL = "/v1/search/%2e%2e/x"


def ask(gate: RunningGateway, path: str, *lines: str, token: str) -> int:
    """The status of a GET on a connection of its own."""
    credentials = (f"Authorization: Bearer {token}",) if token else ()
    head = "\r\n".join((f"GET {path} HTTP/1.1", "Host: shop.example", *credentials, *lines, "", ""))
    with gate.connect() as wire:
        wire.send(head.encode())
        return wire.read_response().status


@pytest.mark.parametrize(
    ("path", "caller", "status"),
    [
        (TRAVERSAL, "anonymous", 401),
        (TRAVERSAL, "admin", 404),
        ("/v1/search/\\x", "anonymous", 401),
        ("/v1/search/\\x", "admin", 404),
        ("/v1/search", "anonymous", 401),
        ("/v1/nothing", "anonymous", 404),
        ("/v1/search?" + "q" * 8_300, "admin", 422),
    ],
)
def test_websocket_requests_get_the_status_that_get_requests_get(
    gate: RunningGateway, services: StubServices, path: str, caller: str, status: int
) -> None:
    token = gate.token if caller == "admin" else ""
    assert ask(gate, path, token=token) == status
    assert ask(gate, path, *UPGRADE, token=token) == status
    assert services.requests == []
