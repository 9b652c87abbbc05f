"""Reset and confirmation by mailed links, with a real mail server."""

from collections.abc import Iterator
from time import perf_counter

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.mail_server import MailTrap, run_mail_server
from tests.unit.gateway.servers import ADMIN, READER, log_in

from bookcore.cache.memory import MemoryCache
from bookcore.testing.contracts.cache import ManualClock
from gateway.app import create_app
from gateway.settings import Settings

NEW = "another one of my passwords"
RESET, CONFIRM = "/v1/auth/password-reset", "/v1/auth/password-reset/confirm"


@pytest.fixture
def trap() -> Iterator[MailTrap]:
    with run_mail_server() as trap:
        yield trap


@pytest.fixture
def mailing(settings: Settings, services: object, clock: ManualClock, trap: MailTrap) -> Settings:
    """Settings with the mail server."""
    return Settings(
        **{**settings.model_dump(), "smtp_url": f"smtp://127.0.0.1:{trap.port}"},
    )


@pytest.fixture
def client(mailing: Settings, clock: ManualClock) -> Iterator[TestClient]:
    """Of a gateway that sends mail; READER has an account."""
    with TestClient(create_app(mailing, cache=MemoryCache(clock=clock), clock=clock)) as client:
        client.post("/v1/auth/register", json=READER)
        yield client


def choose(client: TestClient, token: str, password: str = NEW) -> tuple[int, str]:
    answer = client.post(CONFIRM, json={"token": token, "new_password": password})
    return answer.status_code, answer.text


def test_forgotten_password_is_reset_by_the_mailed_link(client: TestClient, trap: MailTrap) -> None:
    session = log_in(client, "/v1/auth/login", READER)
    assert client.post(RESET, json={"email": READER["email"]}).status_code == 202
    mail = trap.receive()
    assert mail["To"] == READER["email"]
    text = mail.get_content()
    assert "http://127.0.0.1:8080/portal#reset=" in text
    token = text.partition("#reset=")[2].split()[0]
    assert choose(client, token)[0] == 204
    assert client.get("/v1/users/me", headers=session).status_code == 401
    log_in(client, "/v1/auth/login", READER | {"password": NEW})
    assert "was reset" in trap.receive().get_content()


def test_link_names_the_gateway_of_the_settings_and_not_of_the_request(
    client: TestClient, trap: MailTrap
) -> None:
    client.post(RESET, json={"email": READER["email"]}, headers={"Host": "evil.example"})
    assert "evil" not in trap.receive().get_content()


def test_used_link_is_refused_and_others_of_the_account_end(client: TestClient, trap: MailTrap) -> None:
    tokens = []
    for _ in range(2):
        client.post(RESET, json={"email": READER["email"]})
        tokens.append(trap.read_secret("reset"))
    assert choose(client, tokens[0])[0] == 204
    for token in tokens:
        status, text = choose(client, token, "yet another password of mine")
        assert (status, "used already" in text) == (422, True)
    assert client.post("/v1/auth/login", json=READER | {"password": NEW}).status_code == 200


def test_late_link_is_refused(client: TestClient, trap: MailTrap, clock: ManualClock) -> None:
    client.post(RESET, json={"email": READER["email"]})
    token = trap.read_secret("reset")
    clock.advance(3_601)
    status, text = choose(client, token)
    assert (status, "expired" in text) == (422, True)
    assert "not known" in choose(client, "x" * 43)[1]
    assert client.post("/v1/auth/login", json=READER).status_code == 200


def test_link_works_in_another_browser_and_logs_nobody_in(
    client: TestClient, trap: MailTrap, clock: ManualClock
) -> None:
    client.post(RESET, json={"email": READER["email"]})
    other = TestClient(client.app, client=("203.0.113.9", 4711), headers={"User-Agent": "Firefox/1"})
    other.portal = client.portal
    answer = other.post(CONFIRM, json={"token": trap.read_secret("reset"), "new_password": NEW})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.get("set-cookie") is None


def test_refused_password_leaves_the_link_valid(client: TestClient, trap: MailTrap) -> None:
    client.post(RESET, json={"email": READER["email"]})
    token = trap.read_secret("reset")
    for password in ("password1234", READER["email"], "short"):
        assert choose(client, token, password)[0] == 422
    assert choose(client, token)[0] == 204


def test_answer_tells_nobody_whether_there_is_an_account(client: TestClient, trap: MailTrap) -> None:
    known = client.post(RESET, json={"email": READER["email"]})
    unknown = client.post(RESET, json={"email": "nobody@example.org"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert trap.receive()["To"] == READER["email"]
    client.post(RESET, json={"email": READER["email"]})
    assert trap.receive()["To"] == READER["email"]


def test_silent_mail_server_makes_nobody_wait(client: TestClient, trap: MailTrap) -> None:
    trap.is_silent = True
    began = perf_counter()
    assert client.post(RESET, json={"email": READER["email"]}).status_code == 202
    assert client.post("/v1/auth/login", json=READER).status_code == 200
    assert perf_counter() - began < 5


def test_three_links_an_hour_are_mailed_to_an_address(client: TestClient, trap: MailTrap) -> None:
    statuses = {client.post(RESET, json={"email": READER["email"]}).status_code for _ in range(5)}
    assert statuses == {202}
    tokens = [trap.read_secret("reset") for _ in range(3)]
    assert trap.mails.empty()
    assert choose(client, tokens[0])[0] == 204


def test_unconfirmed_account_does_not_flood_its_address(
    mailing: Settings, clock: ManualClock, trap: MailTrap
) -> None:
    settings = mailing.model_copy(update={"gateway_confirm_emails": True})
    with TestClient(create_app(settings, cache=MemoryCache(clock=clock), clock=clock)) as client:
        for _ in range(6):
            client.post("/v1/auth/register", json=READER)
        statuses = {client.post("/v1/auth/login", json=READER).status_code for _ in range(6)}
        assert statuses == {403}
        subjects = sorted(str(trap.receive()["Subject"]) for _ in range(6))
    assert trap.mails.empty()
    assert subjects == ["Confirm your e-mail address"] * 3 + ["You have a Bookstream account"] * 3


def test_refused_mail_is_in_the_audit_log_without_the_address(client: TestClient, trap: MailTrap) -> None:
    admin = log_in(client, "/v1/auth/login", ADMIN)
    trap.answers["RCPT"] = f"550 <{READER['email']}> unknown".encode()
    client.post(RESET, json={"email": READER["email"]})
    entries: list[dict[str, object]] = []
    began = perf_counter()
    while not entries and perf_counter() - began < 10:
        page = client.get("/v1/admin/audit", params={"action": "mail.failed"}, headers=admin)
        entries = page.json()["items"]
    assert entries[0]["detail"] == {"kind": "reset", "reason": "550 <the address> unknown"}


def test_without_a_mail_server_the_answer_says_what_to_do(
    settings: Settings, services: object, clock: ManualClock
) -> None:
    with TestClient(create_app(settings, cache=MemoryCache(clock=clock), clock=clock)) as client:
        answers = [client.post(RESET, json={"email": e}) for e in (ADMIN["email"], "nobody@example.org")]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].json() == answers[1].json()
        assert "bookstream user reset" in answers[0].json()["detail"]
        assert client.get("/v1/auth/methods").json() == {"provider": False, "password_reset": False}


def test_administrator_forces_a_reset(client: TestClient, trap: MailTrap) -> None:
    admin, reader = log_in(client, "/v1/auth/login", ADMIN), log_in(client, "/v1/auth/login", READER)
    user_id = client.get("/v1/users/me", headers=reader).json()["id"]
    answer = client.post(f"/v1/users/{user_id}/password-reset", headers=admin)
    assert answer.json() == {"mailed": True}
    assert client.get("/v1/users/me", headers=reader).status_code == 401
    refused = client.post("/v1/auth/login", json=READER)
    assert (refused.status_code, "reset link" in refused.json()["detail"]) == (403, True)
    assert choose(client, trap.read_secret("reset"))[0] == 204
    log_in(client, "/v1/auth/login", READER | {"password": NEW})


def test_new_account_confirms_its_address_before_the_first_login(
    mailing: Settings, clock: ManualClock, trap: MailTrap
) -> None:
    settings = mailing.model_copy(update={"gateway_confirm_emails": True})
    with TestClient(create_app(settings, cache=MemoryCache(clock=clock), clock=clock)) as client:
        assert client.post("/v1/auth/login", json=ADMIN).status_code == 200, "an account of before"
        answer = client.post("/v1/auth/register", json=READER)
        assert (answer.status_code, answer.content) == (202, b"")
        first = trap.read_secret("confirm")
        assert client.post("/v1/auth/login", json=READER).status_code == 403
        token = trap.read_secret("confirm")
        again = client.post("/v1/auth/register", json=READER)
        assert (again.status_code, again.content) == (202, b""), "no word about the account"
        assert "You have" in str(trap.receive()["Subject"])
        assert client.post("/v1/auth/confirm-email", json={"token": token}).status_code == 204
        assert client.post("/v1/auth/confirm-email", json={"token": first}).status_code == 422
        log_in(client, "/v1/auth/login", READER)
