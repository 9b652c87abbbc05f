import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import READER

from bookcore.testing.contracts.cache import ManualClock
from gateway.accounts.audit import AuditEvent, AuditLog
from gateway.accounts.database import open_database

Headers = dict[str, str]
WITHOUT_TRIGGERS = "DROP TRIGGER audit_keeps_UPDATE; DROP TRIGGER audit_keeps_DELETE;"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audited.db"


@pytest.fixture
def log(file: Path, clock: ManualClock) -> Iterator[AuditLog]:
    """With three entries."""
    database = open_database(f"sqlite:///{file}")
    log = AuditLog(database, clock=clock)
    for n in range(3):
        log.append(AuditEvent("a", "did", f"t{n}", {"n": str(n)}))
    yield log
    database.close()


def test_audit_log_records_account_changes_without_secrets(
    client: TestClient, admin: Headers, reader: Headers
) -> None:
    me = client.get("/v1/users/me", headers=reader).json()["id"]
    root = client.get("/v1/users/me", headers=admin).json()["id"]
    key = client.post("/v1/keys", json={"name": "n", "scopes": ["search"]}, headers=reader).json()
    client.delete(f"/v1/keys/{key['id']}", headers=reader)
    client.patch(f"/v1/users/{me}", json={"role": "editor", "plan": "plus"}, headers=admin)
    client.delete(f"/v1/users/{me}", headers=admin)
    page = client.get("/v1/admin/audit", headers=admin)
    told = [(entry["actor"], entry["action"], entry["target"]) for entry in page.json()["entries"][:4]]
    assert told == [
        (root, "user.deleted", me),
        (root, "user.changed", me),
        (me, "key.revoked", key["id"]),
        (me, "key.created", key["id"]),
    ]
    assert page.json()["entries"][1]["detail"] == {"plan": "plus", "role": "editor"}
    assert key["secret"] not in page.text
    assert client.get("/v1/admin/audit/verify", headers=admin).json()["intact"] is True


def test_audit_log_records_a_reused_refresh_token(
    client: TestClient, admin: Headers, clock: ManualClock
) -> None:
    token = client.post("/v1/auth/register", json=READER).json()["refresh_token"]
    for _ in range(2):
        client.post("/v1/auth/refresh", json={"refresh_token": token})
        clock.advance(11)
    page = client.get("/v1/admin/audit", params={"action": "session.stolen"}, headers=admin).json()
    assert len(page["entries"]) == 1


def test_audit_log_is_paginated_and_open_to_administrators_only(
    client: TestClient, admin: Headers, reader: Headers
) -> None:
    seen: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = client.get("/v1/admin/audit", params={"limit": 2, **before}, headers=admin).json()
        seen += [entry["seq"] for entry in page["entries"]]
        if page["next_before"] is None:
            break
        before = {"before": page["next_before"]}
    assert seen == list(range(len(seen), 0, -1))
    assert client.get("/v1/admin/audit", headers=reader).status_code == 403
    assert client.get("/v1/admin/audit/verify", headers=reader).status_code == 403


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'b'", "DELETE FROM audit"])
def test_database_refuses_changes_of_the_audit_log(log: AuditLog, file: Path, statement: str) -> None:
    assert log.verify().broken_at is None
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), sqlite3.connect(file) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET actor = 'b' WHERE seq = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE audit SET detail = '{}' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit", 1),
    ],
)
def test_change_around_the_triggers_breaks_the_hash_chain(
    log: AuditLog, file: Path, statement: str, broken_at: int
) -> None:
    connection = sqlite3.connect(file)
    connection.executescript(WITHOUT_TRIGGERS + statement + ";")
    connection.close()
    assert log.verify().broken_at == broken_at


def test_concurrent_audit_writes_form_one_chain(log: AuditLog) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.append(AuditEvent("a", "did", str(n))), range(50)))
    verdict = log.verify()
    assert (verdict.entries, verdict.broken_at) == (53, None)
