"""Daily and monthly quotas, by UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, StubServices, log_in

from bookcore.cache.memory import MemoryCache
from bookcore.testing.contracts.cache import ManualClock
from gateway.accounts.database import open_database
from gateway.accounts.periods import get_period
from gateway.accounts.usage import RequestCounts, UsageKey, UsageTable
from gateway.app import create_app
from gateway.settings import Settings

Headers = dict[str, str]
POLICY = '"user";q=600;w=60, "day";q=5;w=86400, "month";q=8;w=2678400'


def parse_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("at", "day", "month"),
    [
        ("2026-11-25T23:59:59", ("2026-11-25", "2026-11-26"), ("2026-11-01", "2026-12-01")),
        ("2026-12-31T00:00:00", ("2026-12-31", "2027-01-01"), ("2026-12-01", "2027-01-01")),
        ("2028-02-29T12:00:00", ("2028-02-29", "2028-03-01"), ("2028-02-01", "2028-03-01")),
        ("2026-01-31T12:00:00", ("2026-01-31", "2026-02-01"), ("2026-01-01", "2026-02-01")),
    ],
)
def test_period_contains_its_moment(at: str, day: tuple[str, str], month: tuple[str, str]) -> None:
    for name, bounds in (("day", day), ("month", month)):
        span = get_period(name, parse_seconds(at))
        assert (span.start, span.end) == tuple(parse_seconds(bound) for bound in bounds)


def test_usage_sums_all_keys_by_day_and_month_without_refused_requests(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/accounts.db")
    table = UsageTable(database)
    last_hour, midnight = parse_seconds("2026-11-30T23:00:00"), parse_seconds("2026-12-01T00:00:00")
    table.add(
        {
            UsageKey("u", "", last_hour): RequestCounts(5, 2, 1, 0),
            UsageKey("u", "k", last_hour): RequestCounts(4, 0, 0, 0),
        }
    )
    table.add(
        {
            UsageKey("u", "", midnight): RequestCounts(1, 0, 0, 0),
            UsageKey("v", "", midnight): RequestCounts(9, 9, 0, 0),
        }
    )
    assert table.read_totals(["u", "v"], at=last_hour) == {("u", "day"): 7, ("u", "month"): 7}
    assert table.read_totals(["u"], at=midnight + 5) == {("u", "day"): 1, ("u", "month"): 1}
    assert table.read_totals(["v", "nobody"], at=midnight) == {("v", "day"): 0, ("v", "month"): 0}
    database.close()


@pytest.fixture
def limited_client(settings: Settings, services: StubServices, clock: ManualClock) -> Iterator[TestClient]:
    """A client of a gateway whose free plan is five requests a day and eight a month."""
    few = settings.model_copy(update={"gateway_requests_per_day": 5, "gateway_requests_per_month": 8})
    app = create_app(few, cache=MemoryCache(clock=clock), clock=clock)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def store_counts(client: TestClient) -> None:
    """As happens every five seconds."""
    assert isinstance(client.app, FastAPI)
    assert client.portal is not None
    client.portal.call(client.app.state.control.usage.flush)


def request_book(client: TestClient, headers: Headers, times: int) -> list[int]:
    statuses = [client.get("/v1/books", headers=headers).status_code for _ in range(times)]
    store_counts(client)
    return statuses


def advance_to_tomorrow(clock: ManualClock) -> None:
    now = int(clock.now().timestamp())
    clock.advance(get_period("day", now).end - now)


def test_exhausted_day_and_month_quotas_refuse_until_the_next_period(
    limited_client: TestClient, clock: ManualClock
) -> None:
    headers = log_in(limited_client, "/v1/auth/register", READER)
    assert request_book(limited_client, headers, 5) == [200] * 5
    refused = limited_client.get("/v1/books", headers=headers)
    assert refused.status_code == 429
    assert "for this day" in refused.json()["detail"]
    assert refused.headers["ratelimit-policy"] == POLICY
    assert refused.headers["ratelimit"].startswith('"day";r=0;t=')
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    usage = limited_client.get("/v1/usage", headers=headers).json()
    assert (usage["day"]["used"], usage["day"]["limit"], usage["month"]["limit"]) == (5, 5, 8)
    advance_to_tomorrow(clock)
    headers = log_in(limited_client, "/v1/auth/login", READER)
    assert request_book(limited_client, headers, 3) == [200] * 3
    refused = limited_client.get("/v1/books", headers=headers)
    assert (refused.status_code, refused.headers["ratelimit"][:7]) == (429, '"month"')
    clock.advance(32 * 86_400)
    assert request_book(limited_client, log_in(limited_client, "/v1/auth/login", READER), 1) == [200]


def test_larger_plan_applies_at_once(limited_client: TestClient) -> None:
    headers, root = (
        log_in(limited_client, "/v1/auth/register", READER),
        log_in(limited_client, "/v1/auth/login", ADMIN),
    )
    assert request_book(limited_client, headers, 6) == [200] * 6, "until the counts are stored nobody knows"
    assert request_book(limited_client, headers, 1) == [429]
    me = limited_client.get("/v1/users/me", headers=headers).json()["id"]
    limited_client.patch(f"/v1/users/{me}", json={"plan": "plus"}, headers=root)
    answer = limited_client.get("/v1/books", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"].startswith('"user";q=3000;w=60, "day";q=25;')
    assert request_book(limited_client, root, 1) == [200], "others are not concerned"


def test_refused_requests_do_not_count(limited_client: TestClient, services: StubServices) -> None:
    headers = log_in(limited_client, "/v1/auth/register", READER)
    for _ in range(9):
        assert limited_client.post("/v1/books", headers=headers, json={}).status_code == 403
    store_counts(limited_client)
    assert request_book(limited_client, headers, 1) == [200]


def test_default_day_and_month_quotas_follow_the_minute_quota(settings: Settings) -> None:
    assert (settings.requests_per_day, settings.requests_per_month) == (36_000, 720_000)
