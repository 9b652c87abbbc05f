from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, StubServices, log_in

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.kit.cursor import SignedCursors
from gateway.app import create_app
from gateway.settings import Settings


def my_id(client: TestClient, headers: dict[str, str]) -> str:
    return str(client.get("/v1/users/me", headers=headers).json()["id"])


def test_list_of_users_is_paginated_by_cursor(client: TestClient, admin: dict[str, str]) -> None:
    for n in range(4):
        client.post("/v1/auth/register", json=READER | {"email": f"u{n}@example.org"})
    emails: list[str] = []
    cursor = ""
    while True:
        page = client.get("/v1/users", params={"limit": 2, "cursor": cursor}, headers=admin).json()
        emails += [user["email"] for user in page["users"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(emails) == sorted([ADMIN["email"], *(f"u{n}@example.org" for n in range(4))])


@pytest.mark.parametrize("cursor", ["x", "MTph", "LTE6YQ==", "ü", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6YQ=="])
def test_unknown_cursor_is_refused(client: TestClient, admin: dict[str, str], cursor: str) -> None:
    answer = client.get("/v1/users", params={"cursor": cursor}, headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")


def test_modified_or_foreign_cursor_is_refused(
    client: TestClient, admin: dict[str, str], settings: Settings
) -> None:
    client.post("/v1/auth/register", json=READER)
    cursor = client.get("/v1/users", params={"limit": 1}, headers=admin).json()["next_cursor"]
    others = SignedCursors(settings.internal_secret.get_secret_value()).encode([1, "a"], question="books")
    for given in (cursor[:-4] + "AAAA", "A" + cursor, others):
        assert client.get("/v1/users", params={"cursor": given}, headers=admin).status_code == 400
    assert client.get("/v1/users", params={"cursor": cursor}, headers=admin).status_code == 200


def test_reader_cannot_use_admin_operations(client: TestClient, reader: dict[str, str]) -> None:
    me = my_id(client, reader)
    answers = [
        client.get("/v1/users", headers=reader),
        client.get(f"/v1/users/{me}", headers=reader),
        client.patch(f"/v1/users/{me}", json={"role": "admin"}, headers=reader),
        client.delete(f"/v1/users/{me}", headers=reader),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4


def test_new_role_applies_at_once_to_issued_tokens(
    client: TestClient, admin: dict[str, str], reader: dict[str, str], services: StubServices
) -> None:
    assert client.put("/v1/books/x", headers=reader).status_code == 403
    client.patch(f"/v1/users/{my_id(client, reader)}", json={"role": "admin"}, headers=admin)
    assert client.put("/v1/books/x", headers=reader).status_code == 200
    assert services.read_last_role() == "admin"


def test_disabled_user_is_refused_at_once_and_old_sessions_stay_ended(
    client: TestClient, admin: dict[str, str], reader: dict[str, str]
) -> None:
    address = f"/v1/users/{my_id(client, reader)}"
    client.patch(address, json={"disabled": True}, headers=admin)
    assert client.get("/v1/books", headers=reader).status_code == 401
    assert client.post("/v1/auth/login", json=READER).status_code == 403
    client.patch(address, json={"disabled": False}, headers=admin)
    assert client.get("/v1/books", headers=reader).status_code == 401
    assert client.get("/v1/books", headers=log_in(client, "/v1/auth/login", READER)).status_code == 200


def test_deleted_user_is_refused_at_once(
    client: TestClient, admin: dict[str, str], reader: dict[str, str]
) -> None:
    address = f"/v1/users/{my_id(client, reader)}"
    assert client.delete(address, headers=admin).status_code == 204
    assert client.get("/v1/books", headers=reader).status_code == 401
    assert client.get(address, headers=admin).json()["type"] == "/problems/not-found"


def test_last_administrator_cannot_be_removed(client: TestClient, admin: dict[str, str]) -> None:
    address = f"/v1/users/{my_id(client, admin)}"
    answers = [
        client.delete(address, headers=admin),
        client.patch(address, json={"disabled": True}, headers=admin),
        client.patch(address, json={"role": "reader"}, headers=admin),
    ]
    assert [answer.status_code for answer in answers] == [409] * 3


def test_administrator_of_the_settings_takes_over_a_registered_address(
    tmp_path: Path,
) -> None:
    with TestClient(create_app(Settings(data=tmp_path))) as client:
        squatter = log_in(client, "/v1/auth/register", ADMIN | {"password": "of a squatter"})
    settings = Settings(
        data=tmp_path,
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
    )
    with TestClient(create_app(settings)) as client:
        assert client.get("/v1/users/me", headers=squatter).status_code == 401
        owner = log_in(client, "/v1/auth/login", ADMIN)
        assert client.get("/v1/users/me", headers=owner).json()["role"] == "admin"
    with TestClient(create_app(settings)) as client:
        assert client.get("/v1/users/me", headers=owner).status_code == 200


@pytest.mark.parametrize("password", ["short", "password1234"])
def test_weak_bootstrap_password_is_refused_by_setting(tmp_path: Path, password: str) -> None:
    settings = Settings(data=tmp_path, bootstrap_admin_email="a@b.c", bootstrap_admin_password=password)
    with pytest.raises(Invalid, match="BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD"):
        create_app(settings)


def test_invalid_accounts_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "accounts.db").write_bytes(b"no database at all, but long enough to look into" * 50)
    with pytest.raises(Unavailable, match="accounts database"):
        create_app(Settings(data=tmp_path))


def test_unknown_accounts_url_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="accounts_url"):
        create_app(Settings(data=tmp_path, accounts_url="tape://reel"))
