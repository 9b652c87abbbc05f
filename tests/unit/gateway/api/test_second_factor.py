"""The second factor: added, asked for, replayed, lost, required."""

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, log_in

from bookcore.cache.memory import MemoryCache
from bookcore.domain.errors import Invalid
from bookcore.kit.settings import read_settings
from bookcore.testing.contracts.cache import ManualClock
from gateway.app import create_app
from gateway.settings import Settings

Headers = dict[str, str]
FACTOR = "/v1/users/me/second-factor"


class Telephone:
    """An authenticator app; its clock may be off by some seconds."""

    def __init__(self, secret: str, clock: ManualClock) -> None:
        self.totp = pyotp.TOTP(secret)
        self.clock = clock

    def read(self, off: float = 0.0) -> str:
        return self.totp.at(int(self.clock.now().timestamp() + off))


def add_factor(
    client: TestClient, headers: Headers, clock: ManualClock, password: str = READER["password"]
) -> tuple[Telephone, list[str]]:
    begun = client.post(FACTOR, json={"password": password}, headers=headers)
    assert begun.status_code == 201, begun.text
    telephone = Telephone(begun.json()["secret"], clock)
    confirmed = client.post(f"{FACTOR}/confirm", json={"code": telephone.read()}, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    clock.advance(300)
    return telephone, confirmed.json()["recovery_codes"]


def try_code(client: TestClient, code: str | None) -> int:
    return client.post("/v1/auth/login", json=READER | {"code": code}).status_code


def test_factor_is_asked_for_once_it_is_confirmed(
    client: TestClient, reader: Headers, clock: ManualClock
) -> None:
    begun = client.post(FACTOR, json={"password": READER["password"]}, headers=reader).json()
    assert begun["uri"].startswith("otpauth://totp/Bookstream:")
    assert client.post("/v1/auth/login", json=READER).status_code == 200, "not confirmed yet"
    other = log_in(client, "/v1/auth/login", READER)
    telephone, codes = add_factor(client, reader, clock)
    assert client.get("/v1/users/me", headers=other).status_code == 401
    answer = client.post("/v1/auth/login", json=READER)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/second-factor-required")
    assert try_code(client, telephone.read()) == 200
    assert len(set(codes)) == 10
    assert client.get(FACTOR, headers=reader).json() == {"active": True, "required": False}


def test_code_works_once(client: TestClient, reader: Headers, clock: ManualClock) -> None:
    telephone, _ = add_factor(client, reader, clock)
    code, before = telephone.read(), telephone.read(-60)
    assert [try_code(client, code) for _ in range(2)] == [200, 401]
    assert try_code(client, before) == 401, "older than one that was used"
    clock.advance(30)
    assert try_code(client, telephone.read()) == 200


@pytest.mark.parametrize(("off", "status"), [(90, 200), (-90, 200), (150, 401), (-150, 401)])
def test_telephone_whose_clock_is_off_by_90_seconds_logs_in(
    client: TestClient, reader: Headers, clock: ManualClock, *, off: int, status: int
) -> None:
    telephone, _ = add_factor(client, reader, clock)
    assert try_code(client, telephone.read(off)) == status


def test_recovery_code_works_once_in_any_spelling(
    client: TestClient, reader: Headers, clock: ManualClock
) -> None:
    _, codes = add_factor(client, reader, clock)
    assert [try_code(client, codes[0]) for _ in range(2)] == [200, 401]
    assert try_code(client, codes[1].upper().replace("-", " ")) == 200


def test_renewed_recovery_codes_replace_the_old_ones(
    client: TestClient, reader: Headers, clock: ManualClock
) -> None:
    telephone, codes = add_factor(client, reader, clock)
    answer = client.post(f"{FACTOR}/recovery-codes", json={"code": telephone.read()}, headers=reader)
    assert try_code(client, codes[0]) == 401
    assert try_code(client, answer.json()["recovery_codes"][0]) == 200


def test_guessed_codes_are_limited(client: TestClient, reader: Headers, clock: ManualClock) -> None:
    add_factor(client, reader, clock)
    statuses = []
    for _ in range(25):
        statuses.append(try_code(client, "000000"))
        clock.advance(6)
    assert statuses == [401] * 20 + [429] * 5


def test_factor_is_removed_by_a_code_alone(client: TestClient, reader: Headers, clock: ManualClock) -> None:
    telephone, _ = add_factor(client, reader, clock)
    assert client.post(f"{FACTOR}/remove", json={"code": "000000"}, headers=reader).status_code == 422
    code = {"code": telephone.read()}
    assert client.post(f"{FACTOR}/remove", json=code, headers=reader).status_code == 204
    assert client.post("/v1/auth/login", json=READER).status_code == 200


def test_second_factor_needs_the_password_and_a_right_code(client: TestClient, reader: Headers) -> None:
    wrong = client.post(FACTOR, json={"password": "not the password"}, headers=reader)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "password")
    assert client.post(f"{FACTOR}/confirm", json={"code": "000000"}, headers=reader).status_code == 404
    client.post(FACTOR, json={"password": READER["password"]}, headers=reader)
    wrong = client.post(f"{FACTOR}/confirm", json={"code": "000000"}, headers=reader)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "code")


def test_secret_and_codes_are_not_stored_in_the_clear(
    client: TestClient, reader: Headers, clock: ManualClock, settings_data: Path
) -> None:
    telephone, codes = add_factor(client, reader, clock)
    stored = b"".join(path.read_bytes() for path in settings_data.glob("accounts.db*"))
    assert telephone.totp.secret.encode() not in stored
    assert codes[0].encode() not in stored
    assert codes[0].replace("-", "").encode() not in stored


@pytest.fixture
def strict(settings: Settings, services: object, clock: ManualClock) -> Iterator[TestClient]:
    """A gateway where administrators need a second factor."""
    settings = settings.model_copy(update={"gateway_admin_second_factor": True})
    with TestClient(create_app(settings, cache=MemoryCache(clock=clock), clock=clock)) as client:
        yield client


def test_administrator_without_a_factor_has_a_readers_rights(strict: TestClient, clock: ManualClock) -> None:
    headers = log_in(strict, "/v1/auth/login", ADMIN)
    refused = strict.get("/v1/users", headers=headers)
    assert (refused.status_code, "second factor" in refused.json()["detail"]) == (403, True)
    assert strict.get("/v1/books", headers=headers).status_code == 200
    assert strict.post("/v1/books", json={}, headers=headers).status_code == 403
    assert strict.get(FACTOR, headers=headers).json() == {"active": False, "required": True}
    add_factor(strict, headers, clock, ADMIN["password"])
    assert strict.get("/v1/users", headers=headers).status_code == 200


PRODUCTION = {
    "environment": "production",
    "event_log_url": "kafka://kafka:9092",
    "lake_url": "s3://lake",
    "catalogue_url": "postgresql+psycopg2://u:p@db/catalogue",
    "search_url": "https://search:9200",
    "internal_secret": "random-and-long-enough-for-production",
    "accounts_url": "postgresql+psycopg2://u:p@db/accounts",
    "cache_url": "redis://cache:6379",
}


@pytest.mark.parametrize(("given", "is_needed"), [(None, True), (False, False), (True, True)])
def test_production_requires_it_of_administrators_unless_told(*, given: bool | None, is_needed: bool) -> None:
    assert read_settings(Settings).admins_need_factor is False
    settings = read_settings(Settings, **PRODUCTION, gateway_admin_second_factor=given)
    assert settings.admins_need_factor is is_needed


@pytest.mark.parametrize(
    ("given", "is_refused"),
    [
        ({"smtp_url": "smtps://mail.example.org"}, True),
        ({"smtp_url": "smtps://mail.example.org", "gateway_public_url": "https://books.example.org"}, False),
        ({"smtp_url": "smtps://mail.example.org", "gateway_public_url": "http://127.0.0.1:8080"}, True),
    ],
)
def test_links_of_production_are_https(*, given: dict[str, str], is_refused: bool) -> None:
    if is_refused:
        with pytest.raises(Invalid, match="https"):
            read_settings(Settings, **PRODUCTION, **given)
    else:
        assert read_settings(Settings, **PRODUCTION, **given).public_url == "https://books.example.org"
