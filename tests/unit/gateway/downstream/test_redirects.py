"""No response names an inner host, or a host that a stranger wrote into the request."""

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from tests.unit.gateway.servers import RunningGateway, StubServices

EVIL = b"Host: evil.example\r\n"


@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/portal/",
        "/v1/users/",
        "/v1/auth/login/",
        "/openapi.json/",
        "/health/live/",
        "/problems/invalid/",
    ],
)
def test_own_path_with_a_trailing_slash_is_no_redirect(gate: RunningGateway, path: str) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get(path).replace(b"Host: shop.example\r\n", EVIL))
        answer = wire.read_response()
        assert answer.status in (401, 404)
        assert "location" not in answer.headers
        assert b"evil.example" not in answer.body


@pytest.mark.parametrize("more", [(), ("Content-Length: 0",)])
@pytest.mark.parametrize("status", [301, 307, 308])
def test_redirect_of_a_service_to_itself_becomes_a_public_path(
    gate: RunningGateway, services: StubServices, status: int, more: tuple[str, ...]
) -> None:
    def respond(request: Request) -> Response:
        return RedirectResponse(str(request.url).replace("/books/", "/books"), status)

    services.respond = respond
    with gate.connect() as wire:
        for _ in range(2):
            wire.send(wire.build_get("/v1/books/?n=1", *more))
            answer = wire.read_response()
            assert (answer.status, answer.headers["location"]) == (status, "/v1/books?n=1")


def test_redirect_to_a_foreign_public_host_is_kept(gate: RunningGateway, services: StubServices) -> None:
    services.respond = lambda _: RedirectResponse("https://covers.example/1.png")
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/books/x"))
        assert wire.read_response().headers["location"] == "https://covers.example/1.png"
