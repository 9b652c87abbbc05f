"""Sessions on SQLite: concurrent refreshes, what is stored, and sessions of before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bookcore.testing.contracts.cache import ManualClock
from gateway.accounts import SessionOrigin
from gateway.accounts.audit import AuditFilter
from gateway.accounts.database import Database, open_database
from gateway.accounts.stores import AccountStores
from gateway.accounts.tables import AUDIT_BEGINNING

BEFORE = (
    "CREATE TABLE users (id VARCHAR(32) PRIMARY KEY, email VARCHAR(254) NOT NULL UNIQUE, "
    "password_hash VARCHAR(200) NOT NULL, role VARCHAR(20) NOT NULL, is_disabled BOOLEAN NOT NULL, "
    "created_at BIGINT NOT NULL)",
    "CREATE TABLE refresh_families (id VARCHAR(32) PRIMARY KEY, user_id VARCHAR(32) NOT NULL "
    "REFERENCES users (id) ON DELETE CASCADE, expires_at BIGINT NOT NULL)",
    "CREATE TABLE refresh_tokens (digest VARCHAR(64) PRIMARY KEY, family VARCHAR(32) NOT NULL "
    "REFERENCES refresh_families (id) ON DELETE CASCADE, expires_at BIGINT NOT NULL, "
    "is_used BOOLEAN NOT NULL)",
    "INSERT INTO users VALUES ('u', 'a@b.c', 'hash', 'reader', FALSE, 1)",
    "INSERT INTO refresh_families VALUES ('f', 'u', 4000000000)",
    "INSERT INTO refresh_tokens VALUES "
    "('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 'f', 4000000000, FALSE)",
)
"""A database of the first version with a session whose refresh token is `test`."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/accounts.db")
    yield opened
    opened.close()


@pytest.fixture
def stores(database: Database, clock: ManualClock) -> AccountStores:
    return AccountStores.create(database, clock=clock, session_seconds=60)


def test_refreshes_at_once_get_one_successor(stores: AccountStores) -> None:
    session = stores.sessions.create_session(stores.users.create_user("a@b.c", "hash").id)
    for _ in range(3):
        token = session.refresh_token
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _, token=token: stores.sessions.rotate_token(token), range(8)))
        assert len({each.refresh_token for each in found if each}) == 1
        assert None not in found
        session = next(each for each in found if each)


def test_old_token_and_database_together_are_needed_for_the_successor(
    stores: AccountStores, tmp_path: Path
) -> None:
    session = stores.sessions.create_session(stores.users.create_user("a@b.c", "hash").id)
    successor = stores.sessions.rotate_token(session.refresh_token)
    assert successor is not None
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("accounts.db*"))
    assert session.refresh_token.encode() not in stored
    assert successor.refresh_token.encode() not in stored


def test_reuse_is_recorded_and_ends_the_family(stores: AccountStores, clock: ManualClock) -> None:
    session = stores.sessions.create_session(stores.users.create_user("a@b.c", "hash").id)
    successor = stores.sessions.rotate_token(session.refresh_token)
    assert successor is not None
    clock.advance(11)
    assert stores.sessions.rotate_token(session.refresh_token) is None
    assert stores.sessions.rotate_token(successor.refresh_token) is None
    stolen = stores.audit.list_records(AuditFilter(action="session.stolen"), before=None, limit=5)
    assert [record.deed.target for record in stolen] == [session.id]


def test_sessions_are_listed_with_origin_and_use(stores: AccountStores, clock: ManualClock) -> None:
    user_id = stores.users.create_user("a@b.c", "hash").id
    first = stores.sessions.create_session(user_id, SessionOrigin("curl", "192.0.2.1"))
    stores.sessions.create_session(user_id, SessionOrigin("Firefox on Linux", "192.0.2.1"))
    clock.advance(20)
    stores.sessions.rotate_token(first.refresh_token, SessionOrigin("curl", "192.0.2.2"))
    newest, older = stores.sessions.list_sessions(user_id)
    assert (newest.id, newest.origin) == (first.id, SessionOrigin("curl", "192.0.2.2"))
    assert newest.last_used_at == newest.created_at + 20
    assert older.last_used_at == older.created_at
    clock.advance(45)
    assert [each.id for each in stores.sessions.list_sessions(user_id)] == [first.id]


def test_session_of_before_goes_on_and_gets_a_longest_life(tmp_path: Path, clock: ManualClock) -> None:
    url = f"sqlite:///{tmp_path}/before.db"
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
    engine.dispose()
    database = open_database(url)
    stores = AccountStores.create(database, clock=clock, session_seconds=60, longest_seconds=100)
    stores.sessions.describe_older_sessions()
    stores.sessions.describe_older_sessions()
    assert [each.id for each in stores.sessions.list_sessions("u")] == ["f"]
    clock.advance(90)
    session = stores.sessions.rotate_token("test")
    assert session is not None
    clock.advance(11)
    assert stores.sessions.rotate_token(session.refresh_token) is None
    assert stores.audit.verify().head == AUDIT_BEGINNING
    database.close()
