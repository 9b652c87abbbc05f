"""Failed logins stand in the audit log, together, and bounded however many there are."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER

from bookcore.domain.errors import Unavailable
from bookcore.testing.contracts.cache import ManualClock
from gateway.accounts.audit import AuditEvent, AuditFilter, AuditLog, AuditRecord
from gateway.accounts.database import Database, open_database
from gateway.accounts.login_failures import LoginFailureKind, LoginFailures
from gateway.accounts.stores import AccountStores

Headers = dict[str, str]
Told = list[tuple[str, str, dict[str, str]]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/failures.db")
    yield opened
    opened.close()


@pytest.fixture
def stores(database: Database, clock: ManualClock) -> AccountStores:
    return AccountStores.create(database, clock=clock, session_seconds=60)


def entries(stores: AccountStores) -> list[AuditRecord]:
    return [
        e
        for e in stores.audit.list_records(AuditFilter(), before=None, limit=1_000)
        if "login" in e.deed.action
    ]


def told(stores: AccountStores) -> Told:
    return sorted((e.deed.action, e.deed.target, dict(e.deed.detail)) for e in entries(stores))


def guess(client: TestClient, email: str, times: int) -> set[int]:
    body = {"email": email, "password": "guessed"}
    return {client.post("/v1/auth/login", json=body).status_code for _ in range(times)}


def test_audit_log_counts_failed_and_locked_logins_by_account(client: TestClient, admin: Headers) -> None:
    assert isinstance(client.app, FastAPI)
    control = client.app.state.control
    me = client.post("/v1/auth/register", json=READER)
    user_id = client.get(
        "/v1/users/me", headers={"Authorization": f"Bearer {me.json()['access_token']}"}
    ).json()["id"]
    assert guess(client, READER["email"], 12) == {401, 429}
    assert guess(client, "hunter2@example.org", 3) == {401}
    assert client.portal is not None
    client.portal.call(control.failures.flush)
    page = client.get("/v1/admin/audit", headers=admin)
    found = {
        (e["action"], e["target"]): e["detail"] for e in page.json()["entries"] if e["actor"] == "nobody"
    }
    assert found == {
        ("login.failed", user_id): {"count": "10", "addresses": "testclient"},
        ("login.locked", user_id): {"count": "2", "addresses": "testclient"},
        ("login.failed", "unknown"): {"count": "3", "addresses": "testclient"},
    }
    assert "hunter2" not in page.text
    assert client.get("/v1/admin/audit/verify", headers=admin).json()["intact"] is True


def test_audit_log_counts_logins_of_disabled_accounts_and_limited_addresses(
    client: TestClient, admin: Headers
) -> None:
    assert isinstance(client.app, FastAPI)
    control = client.app.state.control
    client.post("/v1/auth/register", json=READER)
    reader = control.stores.users.find_by_email(READER["email"])
    client.patch(f"/v1/users/{reader.id}", json={"disabled": True}, headers=admin)
    assert client.post("/v1/auth/login", json=READER).status_code == 403
    for n in range(40):
        guess(client, f"u{n % 4}@example.org", 1)
    assert client.portal is not None
    client.portal.call(control.failures.flush)
    by_target = {target: detail["count"] for _, target, detail in told(control.stores)}
    assert by_target == {reader.id: "1", "unknown": "27", "testclient": "13"}


def test_flood_of_failures_makes_bounded_entries_with_exact_counts(stores: AccountStores) -> None:
    failures = LoginFailures(stores)
    for n in range(30_000):
        failures.record(
            LoginFailureKind.REFUSED, f"10.0.{n // 256}.{n % 256}", address=f"10.0.{n // 256}.{n % 256}"
        )
    for _ in range(5):
        failures.record(LoginFailureKind.FAILED, ADMIN["email"], address="10.9.9.9")
    asyncio.run(failures.flush())
    asyncio.run(failures.flush())
    assert len(entries(stores)) <= 22
    assert sum(int(e.deed.detail["count"]) for e in entries(stores)) == 30_005
    assert all(len(e.deed.detail["addresses"].split(" ")) <= 5 for e in entries(stores))


class ShyLog(AuditLog):
    """Takes nothing while its database is away."""

    is_away = True

    def append_all(self, deeds: Sequence[AuditEvent]) -> None:
        if self.is_away:
            raise Unavailable("the database is away")
        super().append_all(deeds)


def test_failures_are_recorded_after_a_database_outage(
    stores: AccountStores, database: Database, clock: ManualClock
) -> None:
    log = ShyLog(database, clock=clock)
    failures = LoginFailures(replace(stores, audit=log))
    failures.record(LoginFailureKind.FAILED, "a@example.org", address="10.0.0.1")
    asyncio.run(failures.flush())
    log.is_away = False
    failures.record(LoginFailureKind.FAILED, "a@example.org", address="10.0.0.2")
    asyncio.run(failures.close())
    assert told(stores) == [("login.failed", "unknown", {"count": "2", "addresses": "10.0.0.1 10.0.0.2"})]
