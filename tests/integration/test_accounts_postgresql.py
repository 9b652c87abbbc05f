"""The accounts on PostgreSQL, where several gateways write at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pyotp
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from tests.unit.gateway.accounts.test_sessions import BEFORE

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from bookcore.kit.auth import Role
from bookcore.kit.clock import SystemClock
from gateway.accounts.api_keys import NewKey
from gateway.accounts.audit import AuditEvent, AuditFilter
from gateway.accounts.database import Database, open_database
from gateway.accounts.one_time_tokens import TokenPurpose
from gateway.accounts.stores import AccountStores
from gateway.accounts.usage import RequestCounts, UsageKey


@pytest.fixture
def database(new_database: str) -> Iterator[Database]:
    database = open_database(new_database)
    yield database
    database.close()


@pytest.fixture
def stores(database: Database) -> AccountStores:
    return AccountStores.create(database, clock=SystemClock(), session_seconds=60)


def test_concurrent_audit_writes_form_one_chain(stores: AccountStores) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: stores.audit.append(AuditEvent("a", "did", str(n), {"n": "é"})), range(100)))
    verdict = stores.audit.verify()
    assert (verdict.entries, verdict.broken_at) == (100, None)
    assert len(stores.audit.list_records(AuditFilter(actor="a"), before=None, limit=200)) == 100


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'b'", "DELETE FROM audit", "TRUNCATE audit"])
def test_database_refuses_changes_of_the_audit_log(
    stores: AccountStores, new_database: str, statement: str
) -> None:
    stores.audit.append(AuditEvent("a", "did", "t"))
    engine = create_engine(new_database)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert stores.audit.verify().broken_at is None


def test_concurrent_key_creation_respects_the_plan_limit(stores: AccountStores) -> None:
    user_id = stores.users.create_user("a@b.c", "hash").id

    def make(_: int) -> bool:
        try:
            stores.api_keys.create_key(user_id, NewKey("k", frozenset({"search"}), None), max_keys=3)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(make, range(12))) == 3


def test_sessions_keys_and_usage_round_trip(stores: AccountStores) -> None:
    account = stores.users.create_user("a@b.c", "hash", role=Role.EDITOR)
    session = stores.sessions.create_session(account.id)
    standing = stores.sessions.find_status(session.id, account.id)
    assert standing is not None
    assert (standing.role, standing.plan) == (Role.EDITOR, "free")
    key, secret = stores.api_keys.create_key(account.id, NewKey("k", frozenset({"search"}), None), max_keys=3)
    cell = UsageKey(account.id, key.id, 3_600)
    for _ in range(2):
        stores.usage.add({cell: RequestCounts(5, 2, 1, 3_700)})
    assert [
        (row.requests, row.refused, row.failed) for row in stores.usage.list_usage(account.id, since=0)
    ] == [(10, 4, 2)]
    found = stores.api_keys.find_key(secret)
    assert found is not None
    assert found[0].last_used_at == 3_700
    stores.users.delete_user(account.id, by="a")
    assert stores.api_keys.find_key(secret) is None


def test_concurrent_usage_of_one_user_loses_no_count(stores: AccountStores) -> None:
    tally = {
        UsageKey("u", "k", 0): RequestCounts(3, 1, 0, 5),
        UsageKey("v", "", 0): RequestCounts(1, 0, 0, 5),
    }

    def add(_: int) -> None:
        for _ in range(100):  # as Usage does: who is told to try again keeps its counts
            with suppress(Unavailable):
                stores.usage.add(tally)
                return
        raise AssertionError("never stored")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert stores.usage.read_totals(["u", "v"], at=0) == {
        ("u", "day"): 80,
        ("u", "month"): 80,
        ("v", "day"): 40,
        ("v", "month"): 40,
    }


def test_refreshes_at_once_get_one_successor(stores: AccountStores) -> None:
    session = stores.sessions.create_session(stores.users.create_user("a@b.c", "hash").id)
    with ThreadPoolExecutor(8) as pool:
        token = session.refresh_token
        found = list(pool.map(lambda _: stores.sessions.rotate_token(token), range(16)))
    assert None not in found
    assert len({each.refresh_token for each in found if each}) == 1
    newest = next(each for each in found if each)
    assert stores.sessions.rotate_token(newest.refresh_token) is not None


def test_reset_link_is_used_once_by_two_at_once(stores: AccountStores) -> None:
    user_id = stores.users.create_user("a@b.c", "hash").id
    token = stores.credentials.create_link(user_id, TokenPurpose.RESET, life_seconds=60, by="a")

    def reset(n: int) -> bool:
        try:
            stores.credentials.reset_password(token, f"hash {n}")
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(reset, range(8))) == 1


def test_code_of_the_second_factor_is_used_once_by_two_at_once(stores: AccountStores) -> None:
    user_id = stores.users.create_user("a@b.c", "hash").id
    begun = stores.second_factors.begin(user_id, "a@b.c")
    totp, now = pyotp.TOTP(begun.secret), int(SystemClock().now().timestamp())
    recovery = stores.second_factors.activate(user_id, totp.at(now - 60), session="none")
    for code in (totp.at(now + 30), recovery[0]):
        with ThreadPoolExecutor(8) as pool:
            results = list(
                pool.map(lambda _, code=code: stores.second_factors.use_code(user_id, code), range(8))
            )
        assert sum(results) == 1


def test_known_networks_of_two_logins_at_once_are_remembered(stores: AccountStores) -> None:
    user_id = stores.users.create_user("a@b.c", "hash").id
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: stores.networks.remember(user_id, f"192.0.2.{n % 3}"), range(24)))
    assert all(stores.networks.contains(user_id, f"192.0.2.{n}") for n in range(3))
    assert not stores.networks.contains(user_id, "192.0.2.9")


def test_identity_is_linked_once_by_two_at_once(stores: AccountStores) -> None:
    def link(_: int) -> str:
        try:
            return stores.identities.link("https://p.example", "s", "a@b.c")
        except Conflict:
            return ""

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(link, range(8))) - {""}) == 1
    assert stores.identities.find_user("https://p.example", "s") is not None


def test_accounts_of_before_go_on(new_database: str) -> None:
    engine = create_engine(new_database)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
    engine.dispose()
    database = open_database(new_database)
    stores = AccountStores.create(database, clock=SystemClock(), session_seconds=60)
    with ThreadPoolExecutor(8) as pool:  # gateways that start at once
        list(pool.map(lambda _: stores.sessions.describe_older_sessions(), range(8)))
    assert [each.id for each in stores.sessions.list_sessions("u")] == ["f"]
    assert stores.credentials.list_holds("u") == frozenset()
    assert not stores.second_factors.is_active("u")
    assert stores.sessions.rotate_token("test") is not None
    stores.users.delete_user("u", by="u")
    assert stores.audit.verify().broken_at is None
    database.close()
