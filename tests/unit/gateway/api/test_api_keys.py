import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import READER, StubServices

from bookcore.kit.auth import HEADER, InternalTokens
from bookcore.testing.contracts.cache import ManualClock
from gateway.settings import Settings

Headers = dict[str, str]
KEY = {"name": "app", "scopes": ["books:read"], "days": 30}


def make(client: TestClient, headers: Headers, **changes: object) -> dict[str, str]:
    answer = client.post("/v1/keys", json=KEY | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


def test_key_grants_its_scopes_in_either_header(
    client: TestClient, reader: Headers, services: StubServices, settings: Settings
) -> None:
    secret = make(client, reader)["secret"]
    for headers in ({"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}):
        assert client.get("/v1/books", headers=headers).status_code == 200
        refused = client.get("/v1/search", headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (403, "GET requires the scope search")
    who = InternalTokens(settings.internal_secret.get_secret_value()).verify(
        services.last_request.headers[HEADER]
    )
    assert who.scopes == {"books:read"}
    assert "x-api-key" not in services.last_request.headers


def test_secret_is_returned_once_and_not_stored(client: TestClient, reader: Headers, tmp_path: Path) -> None:
    made = make(client, reader)
    listed = client.get("/v1/keys", headers=reader).json()
    assert listed["keys"] == [{name: value for name, value in made.items() if name != "secret"}]
    assert made["secret"].startswith(made["prefix"])
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("accounts.db*"))
    assert made["secret"].encode() not in stored


def test_revoked_key_is_refused_at_once(client: TestClient, reader: Headers) -> None:
    made = make(client, reader)
    headers = {"X-API-Key": made["secret"]}
    assert client.get("/v1/books", headers=headers).status_code == 200
    assert client.delete(f"/v1/keys/{made['id']}", headers=reader).status_code == 204
    assert client.get("/v1/books", headers=headers).status_code == 401
    assert client.delete(f"/v1/keys/{made['id']}", headers=reader).status_code == 404


def test_key_expires(client: TestClient, reader: Headers, clock: ManualClock) -> None:
    ending, lasting = make(client, reader, days=1), make(client, reader, days=None)
    clock.advance(86_401)
    statuses = [
        client.get("/v1/books", headers={"X-API-Key": key["secret"]}).status_code for key in (ending, lasting)
    ]
    assert statuses == [401, 200]


def test_key_is_limited_to_the_current_role_of_its_owner(
    client: TestClient, admin: Headers, reader: Headers
) -> None:
    beyond = client.post("/v1/keys", json=KEY | {"scopes": ["books:write"]}, headers=reader)
    assert (beyond.status_code, beyond.json()["type"]) == (403, "/problems/forbidden")
    me = client.get("/v1/users/me", headers=reader).json()["id"]
    client.patch(f"/v1/users/{me}", json={"role": "editor"}, headers=admin)
    headers = {"X-API-Key": make(client, reader, scopes=["books:write"])["secret"]}
    assert client.put("/v1/books/x", headers=headers).status_code == 200
    client.patch(f"/v1/users/{me}", json={"role": "reader"}, headers=admin)
    assert client.put("/v1/books/x", headers=headers).status_code == 403
    client.patch(f"/v1/users/{me}", json={"disabled": True}, headers=admin)
    assert client.put("/v1/books/x", headers=headers).status_code == 401


def test_key_cannot_use_session_operations(client: TestClient, reader: Headers) -> None:
    headers = {"X-API-Key": make(client, reader)["secret"]}
    answers = [
        client.post("/v1/keys", json=KEY, headers=headers),
        client.get("/v1/keys", headers=headers),
        client.post("/v1/auth/logout-everywhere", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert client.get("/v1/users/me", headers=headers).json()["scopes"] == ["books:read"]


def test_plan_limits_keys_and_requests(client: TestClient, admin: Headers, reader: Headers) -> None:
    for _ in range(3):
        make(client, reader)
    refused = client.post("/v1/keys", json=KEY, headers=reader)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "the plan allows 3 API keys; revoke one first",
    )
    me = client.get("/v1/users/me", headers=reader)
    assert me.headers["ratelimit-policy"] == (
        '"user";q=600;w=60, "day";q=36000;w=86400, "month";q=720000;w=2678400'
    )
    client.patch(f"/v1/users/{me.json()['id']}", json={"plan": "plus"}, headers=admin)
    make(client, reader)
    richer = client.get("/v1/users/me", headers=reader)
    assert richer.json()["plan"] == "plus"
    assert richer.headers["ratelimit-policy"].startswith('"user";q=3000;w=60, "day";q=180000;')
    plus = client.get("/v1/plans").json()["plans"][1]
    assert (plus["requests_per_minute"], plus["requests_per_day"]) == (3_000, 180_000)


def test_unknown_plan_is_refused_by_name(client: TestClient, admin: Headers) -> None:
    answer = client.patch("/v1/users/x", json={"plan": "gold"}, headers=admin)
    assert (answer.status_code, answer.json()["field"]) == (422, "plan")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": ""},
        {"X-API-Key": "bk_"},
        {"X-API-Key": "bk_" + "a" * 43},
        {"X-API-Key": "bk_" + "a" * 5_000},
        {"X-API-Key": "bk_ü"},
        {"Authorization": "Bearer bk_" + "a" * 43},
        {"Authorization": "Basic bk_" + "a" * 43},
    ],
)
def test_unknown_key_is_refused(client: TestClient, headers: Headers) -> None:
    answer = client.get(
        "/v1/books", headers={name.encode(): value.encode() for name, value in headers.items()}
    )
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")


def test_key_together_with_a_token_is_refused(client: TestClient, reader: Headers) -> None:
    headers = reader | {"X-API-Key": make(client, reader)["secret"]}
    assert client.get("/v1/books", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"days": 0}, {"days": 1e9}, {"id": "x"}]
)
def test_invalid_key_request_names_the_field(
    client: TestClient, reader: Headers, wrong: dict[str, object]
) -> None:
    answer = client.post("/v1/keys", content=json.dumps(KEY | wrong), headers=reader)
    assert answer.status_code == 422


def test_administrator_lists_and_revokes_keys_of_any_user(
    client: TestClient, admin: Headers, reader: Headers
) -> None:
    made = make(client, reader)
    me = client.get("/v1/users/me", headers=reader).json()["id"]
    assert client.get(f"/v1/users/{me}/keys", headers=reader).status_code == 403
    assert client.get(f"/v1/users/{me}/keys", headers=admin).json()["keys"][0]["id"] == made["id"]
    assert client.delete(f"/v1/users/{me}/keys/{made['id']}", headers=admin).status_code == 204
    assert client.get("/v1/books", headers={"X-API-Key": made["secret"]}).status_code == 401


def test_key_of_another_user_cannot_be_revoked(client: TestClient, admin: Headers, reader: Headers) -> None:
    made = make(client, admin)
    assert client.delete(f"/v1/keys/{made['id']}", headers=reader).status_code == 404


def test_logout_everywhere_ends_all_sessions_and_keeps_keys(client: TestClient, reader: Headers) -> None:
    other = client.post("/v1/auth/login", json=READER).json()
    secret = make(client, reader)["secret"]
    assert client.post("/v1/auth/logout-everywhere", headers=reader).status_code == 204
    for headers in (reader, {"Authorization": f"Bearer {other['access_token']}"}):
        assert client.get("/v1/books", headers=headers).status_code == 401
    assert client.post("/v1/auth/refresh", json={"refresh_token": other["refresh_token"]}).status_code == 401
    assert client.get("/v1/books", headers={"X-API-Key": secret}).status_code == 200
