"""Sign-in with an organisation's provider, which runs here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from tests.unit.gateway.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Person,
    Provider,
    build_callback,
    run_provider,
)
from tests.unit.gateway.servers import ADMIN, log_in

from bookcore.cache.memory import MemoryCache
from bookcore.domain.errors import Invalid
from bookcore.kit.settings import read_settings
from bookcore.testing.contracts.cache import ManualClock
from gateway.app import create_app
from gateway.settings import Settings

PASSWORD = "a password of a squatter"
FACTOR = "/v1/users/me/second-factor"
JANE = {"email": "jane@corp.example", "password": PASSWORD}


@pytest.fixture
def provider(clock: ManualClock) -> Iterator[Provider]:
    with run_provider(clock.now().timestamp()) as provider:
        yield provider


@pytest.fixture
def client(
    settings: Settings, services: object, clock: ManualClock, provider: Provider, tmp_path: Path
) -> Iterator[TestClient]:
    """A browser at a gateway with the provider."""
    (tmp_path / "client-secret").write_text(f"{CLIENT_SECRET}\n")
    update = {
        "oidc_issuer": provider.address,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret_file": tmp_path / "client-secret",
        "oidc_domains": ("corp.example",),
    }
    app = create_app(settings.model_copy(update=update), cache=MemoryCache(clock=clock), clock=clock)
    with TestClient(app, follow_redirects=False) as client:
        yield client


def leave(client: TestClient) -> str:
    """The address at the provider."""
    answer = client.get("/v1/auth/oidc")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def come_back(client: TestClient, parameters: dict[str, str]) -> str:
    """What stands behind # at the portal."""
    answer = client.get(build_callback(parameters))
    assert answer.status_code == 303, answer.text
    page, _, said = answer.headers["location"].partition("#")
    assert page == "/portal"
    return said


def begin_session(client: TestClient, said: str, code: str | None = None) -> Response:
    token = said.removeprefix("sign-in=")
    return client.post("/v1/auth/oidc/session", json={"token": token, "code": code})


def sign_in(client: TestClient, provider: Provider) -> dict[str, str]:
    answer = begin_session(client, come_back(client, provider.authorize(leave(client))))
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_first_sign_in_makes_an_account_and_the_next_finds_it(client: TestClient, provider: Provider) -> None:
    me = client.get("/v1/users/me", headers=sign_in(client, provider)).json()
    assert (me["email"], me["role"]) == (JANE["email"], "reader")
    provider.person = Person(email="renamed@elsewhere.example", is_verified=False)
    assert client.get("/v1/users/me", headers=sign_in(client, provider)).json()["id"] == me["id"]
    assert client.post("/v1/auth/login", json=JANE | {"password": ""}).status_code == 401
    assert client.get("/v1/auth/methods").json()["provider"] is True


@pytest.mark.parametrize(
    "person",
    [
        Person(email="jane@other.example"),
        Person(email="jane@corp.example.evil.example"),
        Person(email="jane@sub.corp.example"),
        Person(is_verified=False),
        Person(email=""),
    ],
)
def test_only_verified_addresses_of_the_domains_are_linked(
    client: TestClient, provider: Provider, person: Person
) -> None:
    provider.person = person
    assert come_back(client, provider.authorize(leave(client))) == "problem=provider-refused"


def test_account_that_a_squatter_registered_is_taken_from_them(
    client: TestClient, provider: Provider
) -> None:
    squatter = log_in(client, "/v1/auth/register", JANE)
    body = {"name": "k", "scopes": ["search"]}
    key = client.post("/v1/keys", json=body, headers=squatter).json()["secret"]
    user_id = client.get("/v1/users/me", headers=squatter).json()["id"]
    owner = sign_in(client, provider)
    assert client.get("/v1/users/me", headers=owner).json()["id"] == user_id
    assert client.get("/v1/users/me", headers=squatter).status_code == 401
    assert client.get("/v1/users/me", headers={"X-API-Key": key}).status_code == 401
    assert client.post("/v1/auth/login", json=JANE).status_code == 401
    again = sign_in(client, provider)
    assert client.get("/v1/users/me", headers=owner).status_code == 200, "confirmed since: nothing ends"
    assert client.get("/v1/users/me", headers=again).status_code == 200


def test_keys_rotated_during_the_login_are_read_again(client: TestClient, provider: Provider) -> None:
    sign_in(client, provider)
    parameters = provider.authorize(leave(client))
    provider.rotate_keys()
    assert begin_session(client, come_back(client, parameters)).status_code == 200
    assert provider.requests.count("/keys") == 2


def test_token_signed_by_another_key_is_refused(client: TestClient, provider: Provider) -> None:
    provider.signs = False
    assert come_back(client, provider.authorize(leave(client))) == "problem=provider-refused"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"nonce": "another"},
        {"exp": 1},
        {"iat": 2**33},
        {"sub": None},
    ],
)
def test_claims_that_do_not_hold_are_refused(
    client: TestClient, provider: Provider, claims: dict[str, object]
) -> None:
    provider.claims = dict(claims)
    assert come_back(client, provider.authorize(leave(client))) == "problem=provider-refused"


@pytest.mark.parametrize("off", [90, -90])
def test_provider_whose_clock_is_off_by_90_seconds_is_accepted(
    client: TestClient, provider: Provider, off: int
) -> None:
    provider.now += off
    sign_in(client, provider)


def test_provider_that_is_down_leaves_passwords(client: TestClient, provider: Provider) -> None:
    provider.is_down = True
    assert client.get("/v1/auth/oidc").headers["location"] == "/portal#problem=provider-away"
    provider.is_down = False
    parameters = provider.authorize(leave(client))
    provider.is_down = True
    assert come_back(client, parameters) == "problem=provider-away"
    log_in(client, "/v1/auth/login", ADMIN)


def test_answer_is_accepted_in_the_browser_that_began(client: TestClient, provider: Provider) -> None:
    parameters = provider.authorize(leave(client))
    other = TestClient(client.app, follow_redirects=False)
    other.portal = client.portal
    assert come_back(other, parameters) == "problem=provider-refused"
    assert come_back(client, parameters | {"state": "another"}) == "problem=provider-refused"
    said = come_back(client, parameters)
    assert begin_session(other, said).status_code == 403
    assert begin_session(client, said).status_code == 200
    assert begin_session(client, said).status_code == 422, "the secret works once"
    assert come_back(client, parameters) == "problem=provider-refused"


def test_sign_in_ends_after_ten_minutes_and_its_secret_after_one(
    client: TestClient, provider: Provider, clock: ManualClock
) -> None:
    parameters = provider.authorize(leave(client))
    clock.advance(601)
    assert come_back(client, parameters) == "problem=provider-refused"
    provider.now = clock.now().timestamp()
    said = come_back(client, provider.authorize(leave(client)))
    clock.advance(61)
    assert "expired" in begin_session(client, said).json()["detail"]


def test_refusal_at_the_provider_leads_back_to_the_portal(client: TestClient) -> None:
    leave(client)
    assert come_back(client, {"error": "access_denied", "state": "x"}) == "problem=provider-refused"


def test_cookie_is_kept_from_scripts_and_other_sites(client: TestClient) -> None:
    cookie = client.get("/v1/auth/oidc").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/v1/auth/oidc"} <= set(cookie.split("; "))


def test_cookie_of_a_public_gateway_is_sent_over_tls_only(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    client.app.state.control = replace(client.app.state.control, is_public=True)
    name, _, rest = client.get("/v1/auth/oidc").headers["set-cookie"].partition("=")
    assert name == "__Secure-bookstream-sign-in"
    assert "Secure" in rest.split("; ")


def test_disabled_user_cannot_sign_in(client: TestClient, provider: Provider) -> None:
    user_id = client.get("/v1/users/me", headers=sign_in(client, provider)).json()["id"]
    admin = log_in(client, "/v1/auth/login", ADMIN)
    client.patch(f"/v1/users/{user_id}", json={"disabled": True}, headers=admin)
    said = come_back(client, provider.authorize(leave(client)))
    assert begin_session(client, said).status_code == 403


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "http://provider.example"},
        {"oidc_issuer": "https://provider.example"},
        {"oidc_issuer": "provider", "oidc_client_id": "x", "oidc_domains": "corp.example"},
        {"oidc_client_secret_file": "/nowhere/secret"},
        {"gateway_confirm_emails": True},
        {"smtp_url": "mail.example.org"},
        {"gateway_public_url": "books.example.org"},
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        read_settings(Settings, **given)


def test_metadata_of_another_issuer_are_refused(client: TestClient, provider: Provider) -> None:
    provider.issuer = "https://other.example"
    assert leave(client) == "/portal#problem=provider-away"


@pytest.mark.parametrize("page", ["cross-site", "same-site"])
def test_link_on_another_page_begins_no_sign_in(client: TestClient, provider: Provider, page: str) -> None:
    answer = client.get("/v1/auth/oidc", headers={"Sec-Fetch-Site": page})
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal")
    assert "set-cookie" not in answer.headers
    for asked in ("same-origin", "none"):
        answer = client.get("/v1/auth/oidc", headers={"Sec-Fetch-Site": asked})
        assert answer.headers["location"].startswith(provider.address)


def test_second_factor_is_asked_for_after_the_provider(
    client: TestClient, provider: Provider, clock: ManualClock
) -> None:
    headers = sign_in(client, provider)
    secret = client.post(FACTOR, json={"password": ""}, headers=headers).json()["secret"]
    code = pyotp.TOTP(secret).at(int(clock.now().timestamp()))
    codes = client.post(f"{FACTOR}/confirm", json={"code": code}, headers=headers).json()["recovery_codes"]
    said = come_back(client, provider.authorize(leave(client)))
    assert begin_session(client, said).json()["type"] == "/problems/second-factor-required"
    assert begin_session(client, said, codes[0]).status_code == 200
