"""However fast somebody guesses, with the cache there or away: the processor and the accounts are spared."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, StubServices, log_in

from bookcore.cache import Cache, Callback, Script
from bookcore.cache.memory import MemoryCache
from bookcore.domain.errors import Unavailable
from bookcore.testing.contracts.cache import ManualClock
from gateway.app import create_app
from gateway.settings import Settings


class AwayCache:
    """A cache whose server went away: scripts fail."""

    def __init__(self, clock: ManualClock) -> None:
        self._cache = MemoryCache(clock=clock)
        self.is_away = False

        self.get, self.set, self.delete = self._cache.get, self._cache.set, self._cache.delete
        self.prepare, self.close = self._cache.prepare, self._cache.close

    async def eval(self, script: Script, keys: Sequence[str], args: Sequence[float]) -> Sequence[float]:
        if self.is_away:
            raise Unavailable("the cache server is away")
        return await self._cache.eval(script, keys, args)

    def eval_nowait(
        self, script: Script, keys: Sequence[str], args: Sequence[float | bytes], then: Callback
    ) -> None:
        if self.is_away:
            then(Unavailable("the cache server is away"))
        else:
            self._cache.eval_nowait(script, keys, args, then)


@contextmanager
def opened(settings: Settings, cache: Cache, clock: ManualClock) -> Iterator[TestClient]:
    app = create_app(settings, cache=cache, clock=clock)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def guess(client: TestClient, n: int) -> int:
    body = {"email": f"u{n}@example.org", "password": "guessed"}
    return client.post("/v1/auth/login", json=body).status_code


@pytest.mark.usefixtures("services")
def test_logins_of_all_users_share_a_limit(settings: Settings, clock: ManualClock) -> None:
    settings = settings.model_copy(
        update={"gateway_logins_per_address": 1_000, "gateway_logins_per_minute": 20}
    )
    with opened(settings, MemoryCache(clock=clock), clock) as client:
        statuses = [guess(client, n) for n in range(40)]
        assert statuses == [401] * 20 + [429] * 20
        clock.advance(60)
        assert guess(client, 99) == 401


@pytest.mark.usefixtures("services")
def test_registrations_count_against_the_login_limit(settings: Settings, clock: ManualClock) -> None:
    settings = settings.model_copy(
        update={"gateway_logins_per_address": 1_000, "gateway_logins_per_minute": 4}
    )
    with opened(settings, MemoryCache(clock=clock), clock) as client:
        new = [{"email": f"u{n}@example.org", "password": "a long password"} for n in range(6)]
        statuses = [client.post("/v1/auth/register", json=each).status_code for each in new]
        assert statuses == [201] * 4 + [429] * 2
        assert guess(client, 1) == 429


@pytest.mark.usefixtures("services")
def test_flood_of_guesses_is_refused_before_hashing(settings: Settings, clock: ManualClock) -> None:
    with opened(settings, MemoryCache(clock=clock), clock) as client:
        began = process_time()
        for n in range(30):
            guess(client, n)
        with_hashing, began = (process_time() - began) / 30, process_time()
        statuses = {guess(client, n) for n in range(200)}
        refused = (process_time() - began) / 200
    assert statuses == {429}
    assert refused < with_hashing / 2, "a refusal takes a fraction of the processor time of a hash"


@pytest.mark.usefixtures("services")
def test_login_is_unavailable_without_the_rate_limiter(settings: Settings, clock: ManualClock) -> None:
    cache = AwayCache(clock)
    with opened(settings, cache, clock) as client:
        cache.is_away = True
        answers = [
            client.post("/v1/auth/login", json=ADMIN),
            client.post("/v1/auth/register", json={"email": "a@b.c", "password": "x" * 12}),
            client.post("/v1/auth/refresh", json={"refresh_token": "x"}),
        ]
        assert [answer.status_code for answer in answers] == [503] * 3
        assert "retry-after" in answers[0].headers
        cache.is_away = False
        assert client.post("/v1/auth/login", json=ADMIN).status_code == 200


@pytest.mark.usefixtures("services")
def test_callers_are_authenticated_without_the_cache_server(settings: Settings, clock: ManualClock) -> None:
    cache = AwayCache(clock=clock)
    with opened(settings, cache, clock) as client:
        shown = [log_in(client, "/v1/auth/login", ADMIN) for _ in range(2)]
        client.post("/v1/auth/logout", headers=shown[1])
        cache.is_away = True
        statuses = [client.get("/v1/books", headers=each).status_code for each in shown]
        assert statuses == [200, 503], "who isn't known is counted, and nobody can count"


def test_unknown_user_takes_as_long_as_a_wrong_password(
    client: TestClient, admin: dict[str, str], services: StubServices
) -> None:
    def seconds(email: str) -> float:
        began = perf_counter()
        client.post("/v1/auth/login", json={"email": email, "password": "wrong"})
        return perf_counter() - began

    known = min(seconds(ADMIN["email"]) for _ in range(4))
    unknown = min(seconds("nobody@example.org") for _ in range(4))
    assert 0.4 < known / unknown < 2.5


def sit_at(client: TestClient, address: str) -> TestClient:
    """A client of the same app at another network address."""
    other = TestClient(client.app, raise_server_exceptions=False, client=(address, 4711))
    other.portal = client.portal
    return other


def try_password(client: TestClient, password: str, times: int = 1) -> list[int]:
    body = READER | {"password": password}
    return [client.post("/v1/auth/login", json=body).status_code for _ in range(times)]


OWNER, STRANGER = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def owner(client: TestClient) -> TestClient:
    """At the network where the account was registered."""
    owner = sit_at(client, OWNER)
    owner.post("/v1/auth/register", json=READER)
    return owner


def test_stranger_does_not_keep_the_owner_out(client: TestClient, owner: TestClient) -> None:
    assert try_password(sit_at(client, STRANGER), "guessed", 12) == [401] * 10 + [429] * 2
    assert try_password(owner, READER["password"]) == [200]
    assert try_password(sit_at(client, "192.0.2.1"), READER["password"]) == [200], "a new network of theirs"


def test_owner_gets_in_after_mistyping_often(owner: TestClient, clock: ManualClock) -> None:
    assert try_password(owner, "mistyped", 12) == [401] * 10 + [429] * 2
    assert try_password(owner, READER["password"]) == [200]
    assert set(try_password(owner, "mistyped", 27)) == {429}
    assert try_password(owner, READER["password"]) == [429], "thirty a minute more are all"
    clock.advance(60)
    assert try_password(owner, READER["password"]) == [200]


def test_ipv6_networks_and_mapped_addresses_are_one_client(client: TestClient, owner: TestClient) -> None:
    addresses = [f"2001:db8::{n:x}" for n in range(1, 13)]
    statuses = [try_password(sit_at(client, each), "guessed")[0] for each in addresses]
    assert statuses == [401] * 10 + [429] * 2
    assert try_password(sit_at(client, f"::ffff:{OWNER}"), READER["password"]) == [200]


@pytest.mark.usefixtures("services")
def test_unknown_networks_share_a_slower_limit(settings: Settings, clock: ManualClock) -> None:
    settings = settings.model_copy(update={"gateway_logins_elsewhere_per_hour": 15})
    with opened(settings, MemoryCache(clock=clock), clock) as client:
        owner = sit_at(client, OWNER)
        owner.post("/v1/auth/register", json=READER)
        statuses = [try_password(sit_at(client, f"203.0.113.{n}"), "guessed", 5) for n in range(5)]
        assert [status for each in statuses for status in each] == [401] * 15 + [429] * 10
        clock.advance(60)
        assert try_password(sit_at(client, STRANGER), READER["password"]) == [429]
        assert try_password(owner, READER["password"]) == [200]
        clock.advance(240)
        assert try_password(sit_at(client, STRANGER), READER["password"]) == [200]


@pytest.mark.usefixtures("services")
def test_flood_of_all_accounts_does_not_keep_the_owner_out(settings: Settings, clock: ManualClock) -> None:
    settings = settings.model_copy(update={"gateway_logins_per_minute": 5, "gateway_logins_per_address": 4})
    with opened(settings, MemoryCache(clock=clock), clock) as client:
        owner = sit_at(client, OWNER)
        owner.post("/v1/auth/register", json=READER)
        assert [guess(sit_at(client, f"203.0.113.{n}"), n) for n in range(6)] == [401] * 4 + [429] * 2
        assert [guess(owner, n) for n in range(4)] == [429] * 4
        assert try_password(owner, READER["password"]) == [200]


def test_limit_does_not_tell_which_accounts_exist(client: TestClient, owner: TestClient) -> None:
    unknown = READER | {"email": "nobody@example.org"}
    stranger = sit_at(client, STRANGER)
    answers = [stranger.post("/v1/auth/login", json=unknown).status_code for _ in range(12)]
    assert answers == try_password(sit_at(client, "203.0.113.10"), "guessed", 12)
    assert owner.post("/v1/auth/login", json=READER).status_code == 200
