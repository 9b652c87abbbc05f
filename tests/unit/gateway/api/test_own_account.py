"""Change of password, sessions and deletion by the owner."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, log_in

from bookcore.testing.contracts.cache import ManualClock

NEW = "another one of my passwords"
Headers = dict[str, str]


def change_password(client: TestClient, headers: Headers, old: str, new: str) -> tuple[int, str]:
    body = {"old_password": old, "new_password": new}
    answer = client.post("/v1/users/me/password", json=body, headers=headers)
    return answer.status_code, answer.text


def read_me(client: TestClient, headers: Headers) -> int:
    return client.get("/v1/users/me", headers=headers).status_code


def test_new_password_replaces_the_old_one_and_ends_other_sessions(
    client: TestClient, reader: Headers
) -> None:
    other = log_in(client, "/v1/auth/login", READER)
    key = client.post("/v1/keys", json={"name": "k", "scopes": ["search"]}, headers=other).json()["secret"]
    assert change_password(client, reader, READER["password"], NEW)[0] == 204
    assert (read_me(client, reader), read_me(client, other)) == (200, 401)
    assert read_me(client, {"X-API-Key": key}) == 200
    assert client.post("/v1/auth/login", json=READER).status_code == 401
    log_in(client, "/v1/auth/login", READER | {"password": NEW})


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("not the old password", NEW, "old_password"),
        ("", NEW, "old_password"),
        (READER["password"], "password1234", "new_password"),
        (READER["password"], READER["email"], "new_password"),
        (READER["password"], "short", "new_password"),
    ],
)
def test_refused_change_names_the_field_and_changes_nothing(
    client: TestClient, reader: Headers, *, old: str, new: str, field: str
) -> None:
    status, text = change_password(client, reader, old, new)
    assert (status, f'"field":"{field}"' in text) == (422, True), text
    assert client.post("/v1/auth/login", json=READER).status_code == 200


def test_thief_of_a_session_cannot_guess_the_password(client: TestClient, reader: Headers) -> None:
    statuses = [change_password(client, reader, "a guess of it", NEW)[0] for _ in range(12)]
    assert statuses == [422] * 10 + [429] * 2


def test_api_key_changes_no_account(client: TestClient, reader: Headers) -> None:
    made = client.post("/v1/keys", json={"name": "k", "scopes": ["search"]}, headers=reader)
    key = {"X-API-Key": made.json()["secret"]}
    assert change_password(client, key, READER["password"], NEW)[0] == 403
    assert client.request("DELETE", "/v1/users/me", json=READER, headers=key).status_code == 403
    assert client.get("/v1/users/me/sessions", headers=key).status_code == 403


def test_sessions_are_listed_with_device_and_ended_one_by_one(
    client: TestClient, reader: Headers, clock: ManualClock
) -> None:
    clock.advance(60)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    tokens = client.post("/v1/auth/login", json=READER, headers={"User-Agent": firefox}).json()
    other = {"Authorization": f"Bearer {tokens['access_token']}"}
    newest, oldest = client.get("/v1/users/me/sessions", headers=reader).json()["items"]
    assert (newest["device"], newest["network"]) == ("Firefox on Linux", "testclient")
    assert (newest["current"], oldest["current"]) == (False, True)
    assert newest["created_at"] > oldest["created_at"]
    assert client.delete(f"/v1/users/me/sessions/{newest['id']}", headers=reader).status_code == 204
    assert (read_me(client, reader), read_me(client, other)) == (200, 401)
    assert client.post("/v1/auth/refresh", json=tokens | {}).status_code == 422
    again = client.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert again.status_code == 401


def test_session_of_somebody_else_is_not_found(client: TestClient, reader: Headers, admin: Headers) -> None:
    session = client.get("/v1/users/me/sessions", headers=admin).json()["items"][0]["id"]
    assert client.delete(f"/v1/users/me/sessions/{session}", headers=reader).status_code == 404
    assert read_me(client, admin) == 200


def test_owner_erases_the_account_and_the_audit_log_stays_whole(
    client: TestClient, reader: Headers, admin: Headers
) -> None:
    client.post("/v1/keys", json={"name": "k", "scopes": ["search"]}, headers=reader)
    wrong = READER | {"password": "not the password"}
    assert client.request("DELETE", "/v1/users/me", json=wrong, headers=reader).status_code == 422
    other = READER | {"email": ADMIN["email"]}
    assert client.request("DELETE", "/v1/users/me", json=other, headers=reader).status_code == 422
    assert client.request("DELETE", "/v1/users/me", json=READER, headers=reader).status_code == 204
    assert read_me(client, reader) == 401
    assert client.post("/v1/auth/login", json=READER).status_code == 401
    assert client.get("/v1/admin/audit/verify", headers=admin).json()["intact"] is True
    page = client.get("/v1/admin/audit", params={"action": "user.deleted"}, headers=admin).text
    assert "user.deleted" in page
    assert READER["email"] not in page


def test_erased_account_leaves_the_database_file(client: TestClient, settings_data: Path) -> None:
    headers = log_in(client, "/v1/auth/register", READER)
    client.request("DELETE", "/v1/users/me", json=READER, headers=headers)
    stored = b"".join(path.read_bytes() for path in settings_data.glob("accounts.db*"))
    assert READER["email"].encode() not in stored


def test_last_administrator_stays(client: TestClient, admin: Headers) -> None:
    answer = client.request("DELETE", "/v1/users/me", json=ADMIN, headers=admin)
    assert (answer.status_code, "last administrator" in answer.text) == (409, True)
