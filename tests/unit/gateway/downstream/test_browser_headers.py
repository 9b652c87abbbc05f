"""What browsers and caches between are told: CORS, HSTS, no-store, nosniff."""

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.servers import ADMIN, READER, RunningGateway, StubServices, run_gateway

from bookcore.domain.errors import Invalid
from bookcore.kit.settings import read_settings
from gateway.settings import Settings

APP = "Origin: https://app.example"
HTTPS = "X-Forwarded-Proto: https"
PATHS = ("/v1/books", "/v1/search?q=1", "/v1/users/me", "/v1/none", "/health/live", "/docs")
"""By the cache, past it, own, unknown, health, a page."""


def read_headers(gate: RunningGateway, path: str, *lines: str) -> list[dict[str, str]]:
    """Of a miss, of a hit on the fast path, and of the same on ASGI."""
    found = []
    with gate.connect() as wire:
        for more in ((), (), ("Content-Length: 0",)):
            wire.send(wire.build_get(path, *lines, *more))
            found.append(wire.read_response().headers)
    return found


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/auth/login", ADMIN),
        ("POST", "/v1/auth/login", {"email": "x"}),
        ("POST", "/v1/auth/register", READER),
        ("POST", "/v1/auth/refresh", {"refresh_token": "x" * 43}),
        ("POST", "/v1/keys", {"name": "k", "scopes": ["books:read"]}),
        ("GET", "/v1/keys", None),
        ("GET", "/v1/users/me", None),
        ("GET", "/v1/users", None),
        ("GET", "/v1/admin/audit", None),
        ("GET", "/v1/usage", None),
    ],
)
def test_responses_with_secrets_or_personal_data_are_not_stored(
    client: TestClient, admin: dict[str, str], method: str, path: str, body: object
) -> None:
    answer = client.request(method, path, json=body, headers=admin)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS)
def test_every_response_forbids_sniffing_framing_and_scripts(
    gate: RunningGateway, services: StubServices, path: str
) -> None:
    services.respond = lambda _: JSONResponse({}, headers={"X-Content-Type-Options": "sniff"})
    for headers in read_headers(gate, path):
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert {"base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
        assert "script-src 'unsafe" not in policy


def test_service_keeps_a_policy_of_its_own(gate: RunningGateway, services: StubServices) -> None:
    services.respond = lambda _: JSONResponse({}, headers={"Content-Security-Policy": "sandbox"})
    for headers in read_headers(gate, "/v1/books"):
        assert headers["content-security-policy"] == "sandbox"


def test_refusals_forbid_sniffing_too(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(b"nonsense\r\n\r\n")
        assert wire.read_response().headers["x-content-type-options"] == "nosniff"


def test_public_responses_stay_cacheable(gate: RunningGateway) -> None:
    for headers in read_headers(gate, "/v1/books"):
        assert "no-store" not in headers["cache-control"]


@pytest.mark.parametrize("path", PATHS)
def test_https_is_required_from_now_on_when_a_trusted_proxy_says_https(
    settings: Settings, services: StubServices, path: str
) -> None:
    behind = settings.model_copy(update={"gateway_trusted_proxies": ("127.0.0.0/8",)})
    with run_gateway(behind) as gate:
        for line in (HTTPS, 'Forwarded: for="[2001:db8::1]:4711";proto=https'):
            for headers in read_headers(gate, path, line):
                assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        for headers in read_headers(gate, path, "X-Forwarded-Proto: http"):
            assert "strict-transport-security" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_stranger_cannot_pretend_https(gate: RunningGateway, path: str) -> None:
    for headers in read_headers(gate, path, HTTPS):
        assert "strict-transport-security" not in headers


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"gateway_cors_origins": ("https://app.example", "http://localhost:3000")}
    )


@pytest.mark.parametrize("path", PATHS)
def test_cors_is_off_by_default(gate: RunningGateway, path: str) -> None:
    for headers in read_headers(gate, path, APP):
        assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", PATHS)
def test_allowed_origin_may_read_hits_misses_and_errors(
    open_settings: Settings, services: StubServices, path: str
) -> None:
    with run_gateway(open_settings) as gate:
        for headers in read_headers(gate, path, APP):
            assert headers["access-control-allow-origin"] == "https://app.example"
            assert {"ratelimit", "etag", "link"} <= set(headers["access-control-expose-headers"].split(", "))
            assert "access-control-allow-credentials" not in headers
            assert headers["vary"] == "origin"
        for origin in ("https://evil.example", "null", "https://app.example.evil", "https://APP.example", ""):
            for headers in read_headers(gate, path, f"Origin: {origin}"):
                assert "access-control-allow-origin" not in headers
                assert headers["vary"] == "origin"


@pytest.mark.parametrize("path", ["/v1/books", "/v1/users/me"])
def test_allowed_origin_may_read_that_its_network_is_limited(
    open_settings: Settings, services: StubServices, path: str
) -> None:
    few = open_settings.model_copy(update={"gateway_address_requests_per_minute": 2})
    with run_gateway(few) as gate, gate.connect() as wire:
        wire.send(wire.build_get(path, APP))  # the second, after the login
        wire.read_response()
        wire.send(wire.build_get(path, APP))
        refused = wire.read_response()
        assert refused.status == 429
        assert refused.headers["access-control-allow-origin"] == "https://app.example"


def test_response_that_varies_keeps_what_it_varies_by(
    open_settings: Settings, services: StubServices
) -> None:
    def respond(request: Request) -> Response:
        return JSONResponse({}, headers={"Vary": "Accept-Language"})

    services.respond = respond
    with run_gateway(open_settings) as gate, gate.connect() as wire:
        for more in ((), (), ("Content-Length: 0",)):
            wire.send(wire.build_get("/v1/books", APP, *more))
            text = wire.read_until(b"\r\n\r\n").decode().lower()
            assert text.count("\r\nvary: ") == 2
            wire.read_exactly(2)


@pytest.mark.parametrize("path", ["/v1/books", "/v1/auth/login", "/v1/keys/x"])
def test_preflight_is_answered_before_authentication(open_settings: Settings, path: str) -> None:
    with run_gateway(open_settings) as gate, gate.connect() as wire:
        lines = [APP, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"]
        wire.lines = b"Host: shop.example\r\n"
        wire.send(wire.build_request("OPTIONS", path, *lines))
        answer = wire.read_response()
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert {"authorization", "x-api-key", "idempotency-key", "if-match", "content-type"} <= set(allowed)
        assert answer.headers["access-control-max-age"] == "600"
        assert "access-control-allow-credentials" not in answer.headers
        lines[0] = "Origin: https://evil.example"
        wire.send(wire.build_request("OPTIONS", path, *lines))
        refused = wire.read_response()
        assert refused.status in (401, 405)
        assert "access-control-allow-origin" not in refused.headers


def test_origins_may_be_all_and_never_with_credentials(settings: Settings, services: StubServices) -> None:
    public = settings.model_copy(update={"gateway_cors_origins": ("*",)})
    with run_gateway(public) as gate:
        for headers in read_headers(gate, "/v1/books", APP):
            assert headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    "value", ["app.example", "https://", "ftp://app.example", "https://app.example/x", "null"]
)
def test_what_is_no_origin_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BOOKSTREAM_GATEWAY_CORS_ORIGINS", value)
    with pytest.raises(Invalid, match="is not an origin such as"):
        read_settings(Settings)


def test_origins_are_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSTREAM_GATEWAY_CORS_ORIGINS", "https://App.Example/, http://localhost:3000")
    assert read_settings(Settings).gateway_cors_origins == ("https://app.example", "http://localhost:3000")
