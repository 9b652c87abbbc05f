import json

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, StubServices, log_in

from bookcore.testing.contracts.cache import ManualClock

JSON = {"Content-Type": "application/json"}


def renew(client: TestClient, refresh_token: str) -> int:
    body = json.dumps({"refresh_token": refresh_token})
    return client.post("/v1/auth/refresh", content=body, headers=JSON).status_code


def test_registration_returns_valid_tokens(client: TestClient) -> None:
    answer = client.post("/v1/auth/register", json=READER)
    tokens = answer.json()
    assert (answer.status_code, tokens["token_type"], tokens["expires_in"]) == (201, "Bearer", 600)
    me = client.get("/v1/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert (me["email"], me["role"], me["disabled"]) == (READER["email"], "reader", False)


def test_spellings_of_an_address_are_one_account(client: TestClient) -> None:
    client.post("/v1/auth/register", json=READER)
    again = client.post("/v1/auth/register", json=READER | {"email": " Reader@EXAMPLE.org "})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody", "password": "long enough it is"}, "email"),
        ({"email": "a b@c.d", "password": "long enough it is"}, "email"),
        ({"email": "a@b.c\u0000", "password": "long enough it is"}, "email"),
        ({"email": "a" * 300 + "@b.c", "password": "long enough it is"}, "email"),
        ({"email": "a@b.c", "password": "short"}, "password"),
        ({"email": "a@b.c", "password": "x" * 129}, "password"),
        ({"email": "a@b.c", "password": "\ud800" * 20}, "password"),
        ({"email": "a@b.c", "password": ["x"] * 12}, "password"),
        ({"email": "a@b.c", "password": "long enough it is", "role": "admin"}, "role"),
        ({"email": "a@b.c"}, "password"),
    ],
)
def test_invalid_registration_names_the_field(client: TestClient, body: dict[str, str], field: str) -> None:
    answer = client.post("/v1/auth/register", content=json.dumps(body), headers=JSON)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{bad", "application/json"),
        (b'{"email": "a@b.c"}', "text/plain"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 500, "application/json"),
        (b"null", "application/json"),
        (b"", "application/json"),
    ],
)
def test_body_that_is_not_a_json_object_is_refused(client: TestClient, body: bytes, kind: str) -> None:
    answer = client.post("/v1/auth/login", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_wrong_address_and_wrong_password_get_the_same_response(client: TestClient) -> None:
    client.post("/v1/auth/register", json=READER)
    wrong = client.post("/v1/auth/login", json=READER | {"password": "not the password"})
    unknown = client.post("/v1/auth/login", json=READER | {"email": "nobody@example.org"})
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.headers["www-authenticate"].startswith("Bearer")


def test_later_reuse_of_a_refresh_token_ends_the_session(client: TestClient, clock: ManualClock) -> None:
    first = client.post("/v1/auth/register", json=READER).json()
    second = client.post("/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    clock.advance(11)
    assert renew(client, first["refresh_token"]) == 401
    assert renew(client, second["refresh_token"]) == 401


@pytest.mark.parametrize("seconds", [0, 9, -4])
def test_repeated_refresh_gets_the_same_successor(
    client: TestClient, clock: ManualClock, seconds: int
) -> None:
    first = client.post("/v1/auth/register", json=READER).json()["refresh_token"]
    answers = [client.post("/v1/auth/refresh", json={"refresh_token": first}).json()]
    clock.advance(seconds)
    answers.append(client.post("/v1/auth/refresh", json={"refresh_token": first}).json())
    assert answers[0]["refresh_token"] == answers[1]["refresh_token"] != first
    for tokens in answers:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert client.get("/v1/users/me", headers=headers).status_code == 200
    assert renew(client, answers[0]["refresh_token"]) == 200


def test_session_ends_at_its_longest_life_however_often_it_is_used(
    client: TestClient, clock: ManualClock
) -> None:
    token = client.post("/v1/auth/register", json=READER).json()["refresh_token"]
    for _ in range(2):
        clock.advance(14 * 86_400)
        tokens = client.post("/v1/auth/refresh", json={"refresh_token": token}).json()
        token = tokens["refresh_token"]
    clock.advance(2 * 86_400 - 1)
    tokens = client.post("/v1/auth/refresh", json={"refresh_token": token}).json()
    clock.advance(2)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.get("/v1/users/me", headers=headers).status_code == 401
    assert renew(client, tokens["refresh_token"]) == 401


def test_refresh_token_expires_when_it_is_not_used(client: TestClient, clock: ManualClock) -> None:
    tokens = client.post("/v1/auth/register", json=READER).json()
    clock.advance(30 * 86_400 + 1)
    assert renew(client, tokens["refresh_token"]) == 401


@pytest.mark.parametrize("token", ["", "x", "\ud83d", "ü" * 90])
def test_unknown_refresh_token_is_refused(client: TestClient, token: str) -> None:
    assert renew(client, token) in (401, 422)


def test_logout_invalidates_the_tokens_of_the_session_at_once(client: TestClient) -> None:
    tokens = client.post("/v1/auth/register", json=READER).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    other = log_in(client, "/v1/auth/login", READER)
    assert client.get("/v1/users/me", headers=headers).status_code == 200
    assert client.post("/v1/auth/logout", headers=headers).status_code == 204
    assert client.get("/v1/users/me", headers=headers).status_code == 401
    assert renew(client, tokens["refresh_token"]) == 401
    assert client.get("/v1/users/me", headers=other).status_code == 200


def test_logins_are_limited_per_address(client: TestClient, clock: ManualClock) -> None:
    login = READER | {"password": "not the password"}
    statuses = [client.post("/v1/auth/login", json=login).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    clock.advance(7)
    assert client.post("/v1/auth/login", json=login).status_code == 401


def test_logins_from_one_network_address_are_limited_for_all_accounts(client: TestClient) -> None:
    bodies = [{"email": f"u{n}@example.org", "password": "x"} for n in range(31)]
    answers = [client.post("/v1/auth/login", json=body) for body in bodies]
    assert [a.status_code for a in answers] == [401] * 30 + [429]
    assert answers[-1].headers["retry-after"] == "2"


def test_bootstrap_administrator_can_log_in(client: TestClient, services: StubServices) -> None:
    headers = log_in(client, "/v1/auth/login", ADMIN)
    assert client.get("/v1/users/me", headers=headers).json()["role"] == "admin"
    client.get("/v1/books", headers=headers)
    assert services.read_last_role() == "admin"


def test_password_is_stored_as_argon2id_and_a_refresh_token_as_a_hash(
    client: TestClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokens = client.post("/v1/auth/register", json=READER).json()
    files = [path for path in tmp_path_factory.getbasetemp().rglob("accounts.db*") if path.is_file()]
    stored = b"".join(path.read_bytes() for path in files)
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in stored
    assert READER["password"].encode() not in stored
    assert tokens["refresh_token"].encode() not in stored
