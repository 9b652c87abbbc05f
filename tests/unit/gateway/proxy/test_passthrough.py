import pytest
from fastapi.testclient import TestClient
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.servers import StubServices

from bookcore.testing.contracts.cache import ManualClock


@pytest.mark.parametrize("path", ["/v1/books", "/v1/categories", "/v1/statistics", "/v1/search?q=x"])
def test_request_without_a_token_reaches_no_service(
    client: TestClient, services: StubServices, path: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="bookstream"'
    assert services.requests == []


@pytest.mark.parametrize("value", ["Basic eDp5", "Bearer", "Bearer ", "bearer x", "\x80"])
def test_invalid_authorization_header_is_refused(client: TestClient, value: str) -> None:
    headers = [(b"authorization", value.encode("latin-1"))]
    assert client.get("/v1/books", headers=headers).status_code == 401


def test_service_receives_the_request_without_the_public_prefix(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    client.get("/v1/search/suggest?q=%C3%A9&q=a+b", headers=reader | {"Accept": "x/y", "X-User-Id": "evil"})
    received = services.last_request
    assert (received.url.path, received.url.query) == ("/search/suggest", "q=%C3%A9&q=a+b")
    assert (received.headers["accept"], services.read_last_role()) == ("x/y", "reader")
    assert {"authorization", "x-user-id"}.isdisjoint(received.headers)


def test_admin_can_write_with_a_body(
    client: TestClient, services: StubServices, admin: dict[str, str]
) -> None:
    services.respond = lambda _: JSONResponse({"made": 1}, 201, {"Location": "/books/x"})
    answer = client.post("/v1/books", json={"title": "x"}, headers=admin)
    assert (answer.status_code, answer.json(), answer.headers["location"]) == (
        201,
        {"made": 1},
        "/v1/books/x",
    )
    assert services.last_request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_reader_cannot_write(
    client: TestClient, services: StubServices, reader: dict[str, str], method: str
) -> None:
    answer = client.request(method, "/v1/books/x", headers=reader)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    assert services.requests == []


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_unsupported_method_is_not_forwarded(client: TestClient, admin: dict[str, str], method: str) -> None:
    assert client.request(method, "/v1/books", headers=admin).status_code == 405


@pytest.mark.parametrize("path", ["/v1/books/%2e%2e/health/ready", "/v1/books/%00", "/v1/books/a%5cb"])
def test_ambiguous_path_is_not_forwarded(
    client: TestClient, services: StubServices, reader: dict[str, str], path: str
) -> None:
    assert client.get(path, headers=reader).status_code == 404
    assert services.requests == []


def test_too_long_target_is_refused(client: TestClient, reader: dict[str, str]) -> None:
    answer = client.get("/v1/books?q=" + "x" * 9_000, headers=reader)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")


def test_body_over_the_limit_is_refused_with_or_without_content_length(
    client: TestClient, services: StubServices, admin: dict[str, str]
) -> None:
    declared = client.put("/v1/books/x", content=b"x" * 1_001, headers=admin)
    chunked = client.put("/v1/books/x", content=iter([b"x" * 600, b"x" * 600]), headers=admin)
    own = client.post("/v1/auth/login", content=b"x" * 1_001)
    assert [a.status_code for a in (declared, chunked, own)] == [413] * 3
    assert declared.json()["type"] == "/problems/too-large"
    assert services.requests == []
    assert client.put("/v1/books/x", content=b"x" * 1_000, headers=admin).status_code == 200


def test_service_error_is_passed_through(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    services.respond = lambda _: JSONResponse({"type": "/problems/not-found"}, 404)
    answer = client.get("/v1/books/x", headers=reader)
    assert (answer.status_code, answer.json()) == (404, {"type": "/problems/not-found"})


def test_rejected_internal_token_is_a_bad_gateway(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    services.respond = lambda _: Response(status_code=401)
    for path in ("/v1/books", "/v1/search"):
        answer = client.get(path, headers=reader)
        assert (answer.status_code, "INTERNAL_SECRET" in answer.json()["detail"]) == (502, True)


def test_exhausted_user_quota_returns_429(
    client: TestClient, reader: dict[str, str], clock: ManualClock
) -> None:
    for _ in range(599):
        client.get("/v1/books", headers=reader)
    last = client.get("/v1/books", headers=reader)
    assert (last.headers["ratelimit-policy"], last.headers["ratelimit"]) == (
        '"user";q=600;w=60, "day";q=36000;w=86400, "month";q=720000;w=2678400',
        '"user";r=0;t=60',
    )
    refused = client.get("/v1/books", headers=reader)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert client.get("/v1/users/me", headers=reader).status_code == 429
    clock.advance(0.1)
    assert client.get("/v1/books", headers=reader).status_code == 200


def test_token_guessing_is_limited_by_network_address(client: TestClient, reader: dict[str, str]) -> None:
    statuses = [client.get("/v1/books").status_code for _ in range(121)]
    assert statuses == [401] * 120 + [429]
    assert client.get("/v1/books", headers=reader).status_code == 200


def test_request_id_is_echoed_or_created(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    response = client.get("/v1/search", headers=reader | {"X-Request-Id": "my-id.1"})
    assert response.headers["x-request-id"] == services.last_request.headers["x-request-id"] == "my-id.1"
    own_id_response = client.get("/v1/nothing", headers={"X-Request-Id": "a b\x7f"})
    assert len(own_id_response.headers["x-request-id"]) == 32
