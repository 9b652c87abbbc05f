"""The wall clock is set forward or back; the gateway goes on as if nothing had happened."""

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import READER, StubServices, log_in

from bookcore.testing.contracts.cache import ManualClock
from gateway.cache.entry import CacheEntry, Freshness, build_entry
from gateway.http.caching import Lifetime

STEPS = [-3_600.0, -70.0, -50.0, 50.0, 70.0, 3_600.0]
Headers = dict[str, str]


@pytest.mark.parametrize("step", STEPS)
def test_step_of_the_clock_neither_limits_users_nor_ends_sessions(
    client: TestClient, services: StubServices, reader: Headers, clock: ManualClock, step: float
) -> None:
    client.get("/v1/books", headers=reader)
    clock.step(step)
    for seconds in (0.0, 70.0):  # with and without the caller in the cache
        clock.advance(seconds)
        for path in ("/v1/books", "/v1/search?q=x", "/v1/users/me", "/health/live"):
            answer = client.get(path, headers=reader)
            assert answer.status_code == 200, (path, answer.text)


@pytest.mark.parametrize("step", STEPS)
def test_access_token_issued_before_a_step_lives_as_long_as_promised(
    client: TestClient, services: StubServices, reader: Headers, clock: ManualClock, step: float
) -> None:
    clock.step(step)
    clock.advance(1)
    assert client.get("/v1/users/me", headers=reader).status_code == 200
    clock.advance(589)
    assert client.get("/v1/users/me", headers=reader).status_code == 200
    clock.advance(10 + max(0.0, min(-step, 100.0)))  # a small step back can't be told from a younger token
    assert client.get("/v1/users/me", headers=reader).status_code == 401


@pytest.mark.parametrize("step", STEPS)
def test_access_token_issued_after_a_step_lives_as_long_as_promised(
    client: TestClient, services: StubServices, clock: ManualClock, step: float
) -> None:
    clock.step(step)
    fresh = log_in(client, "/v1/auth/register", READER)
    clock.advance(590)
    assert client.get("/v1/users/me", headers=fresh).status_code == 200
    clock.advance(11)
    assert client.get("/v1/users/me", headers=fresh).status_code == 401


@pytest.mark.parametrize("step", STEPS)
def test_login_limit_ends_after_its_minute_whatever_the_clock_does(
    client: TestClient, reader: Headers, clock: ManualClock, step: float
) -> None:
    wrong = READER | {"password": "some other password"}
    while client.post("/v1/auth/login", json=wrong).status_code != 429:
        pass
    clock.step(step)
    clock.advance(60)
    assert client.post("/v1/auth/login", json=READER).status_code == 200


@pytest.mark.parametrize("step", STEPS)
def test_cached_response_ages_by_the_time_that_passes(
    client: TestClient, services: StubServices, reader: Headers, clock: ManualClock, step: float
) -> None:
    client.get("/v1/books", headers=reader)
    clock.step(step)
    clock.advance(20)
    hit = client.get("/v1/books", headers=reader)
    assert (hit.headers["cache-status"], hit.headers["age"]) == ("bookstream; hit; ttl=40", "20")
    clock.advance(50)
    stale = client.get("/v1/books", headers=reader)
    assert stale.headers["cache-status"] == "bookstream; hit; ttl=-10"


def make_entry(stored_at: float) -> CacheEntry:
    freshness = Freshness(1, stored_at, Lifetime(60.0))
    return build_entry([(b"content-type", b"text/plain")], b"x", (), freshness=freshness)


@pytest.mark.parametrize(("behind", "age"), [(0.0, 20), (3_600.0, 0), (-50.0, 70)])
def test_entry_of_a_process_with_another_clock_is_at_most_as_fresh_as_a_new_one(
    behind: float, age: int
) -> None:
    packed = make_entry(stored_at=100.0).pack(wall_offset=1_000_000.0)
    now = 5_020.0  # monotonic clocks of two processes have nothing in common
    entry = CacheEntry.unpack(packed, wall_offset=1_000_120.0 - behind - now, now=now)
    assert entry.freshness.get_age(now) == age
