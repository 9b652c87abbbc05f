import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bookcore.kit.auth import DEFAULT_SCOPES, Role
from bookcore.kit.problem import ProblemError
from bookcore.testing.contracts.cache import ManualClock
from gateway.accounts.caller import Caller
from gateway.accounts.database import Database, open_database
from gateway.accounts.periods import DAY, DAY_SECONDS
from gateway.accounts.quota import Quota
from gateway.accounts.tables import usage as usage_rows
from gateway.accounts.usage import UsageTable
from gateway.ratelimit.usage import UsageRecorder

CALLER = Caller(
    user_id="u1",
    role=Role.READER,
    session="s",
    scopes=DEFAULT_SCOPES[Role.READER],
    quota=Quota("user", 10),
    key_id=None,
    expires_at=0.0,
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path}/accounts.db")


def test_requests_are_counted_by_hour_and_status_class(database: Database, clock: ManualClock) -> None:
    table = UsageTable(database)

    async def use() -> None:
        usage = UsageRecorder(table, clock=clock)
        for status in (200, 304, 404, 429, 502):
            usage.count(CALLER, status)
        await usage.flush()
        usage.count(CALLER, 200)
        clock.advance(3_600)
        usage.count(CALLER, 200)
        await usage.close()

    asyncio.run(use())
    counted = table.list_usage("u1", since=0)
    assert [(row.requests, row.refused, row.failed) for row in counted] == [(6, 2, 1), (1, 0, 0)]
    assert counted[1].cell.hour - counted[0].cell.hour == 3_600
    assert table.list_usage("u2", since=0) == []


def test_counts_stay_pending_while_the_database_is_away(database: Database, clock: ManualClock) -> None:
    table = UsageTable(database)

    async def use() -> None:
        usage = UsageRecorder(table, clock=clock)
        usage.count(CALLER, 200)
        with database.begin_write() as connection:
            usage_rows.drop(connection)
        await usage.flush()
        usage.count(CALLER, 500)
        with database.begin_write() as connection:
            usage_rows.create(connection)
        await usage.close()

    asyncio.run(use())
    assert [(row.requests, row.failed) for row in table.list_usage("u1", since=0)] == [(2, 1)]


def test_quota_that_was_exhausted_on_a_wrong_day_is_free_once_the_clock_is_set_right(
    database: Database, clock: ManualClock
) -> None:
    quota = Quota("user", 10, beside=(Quota(DAY, 2, DAY_SECONDS),))
    caller = replace(CALLER, quota=quota)

    async def use() -> None:
        usage = UsageRecorder(UsageTable(database), clock=clock)
        clock.step(DAY_SECONDS)
        for _ in range(2):
            usage.count(caller, 200)
        await usage.flush()
        with pytest.raises(ProblemError):
            usage.check_quotas(caller)
        clock.step(-DAY_SECONDS)
        usage.check_quotas(caller)
        await usage.close()

    asyncio.run(use())


def test_counts_older_than_three_months_are_deleted(database: Database, clock: ManualClock) -> None:
    table = UsageTable(database)

    async def use() -> None:
        usage = UsageRecorder(table, clock=clock)
        usage.count(CALLER, 200)
        await usage.flush()
        clock.advance(93 * 86_400)
        usage.count(CALLER, 200)
        await usage.close()

    asyncio.run(use())
    assert len(table.list_usage("u1", since=0)) == 1
