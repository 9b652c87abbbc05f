"""Accounts from the command line, beside a running gateway and without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, log_in

from bookcore.testing.contracts.cache import ManualClock

NEW = "another one of my passwords"


def run(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.account_admin", *arguments]
    environment = {**os.environ, "BOOKSTREAM_DATA": str(data)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def read_lines(data: Path, *arguments: str) -> list[str]:
    ran = run(data, *arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


@pytest.mark.usefixtures("reader", "admin")
def test_users_are_listed_as_lines_and_as_json(settings_data: Path) -> None:
    lines = read_lines(settings_data, "list")
    assert sorted(line.split()[:4] for line in lines) == [
        [ADMIN["email"], "admin", "free", "enabled"],
        [READER["email"], "reader", "free", "enabled"],
    ]
    found = {each["email"]: each for each in map(json.loads, read_lines(settings_data, "list", "--json"))}
    assert found[READER["email"]]["second_factor"] is False
    assert found[ADMIN["email"]]["role"] == "admin"


@pytest.mark.usefixtures("reader")
def test_reset_prints_a_link_that_works_once(client: TestClient, settings_data: Path) -> None:
    link = read_lines(settings_data, "reset", READER["email"].upper(), "--url", "https://books.example.org/")[
        -1
    ]
    page, _, token = link.partition("#reset=")
    assert page == "https://books.example.org/portal"
    body = {"token": token, "new_password": NEW}
    assert client.post("/v1/auth/password-reset/confirm", json=body).status_code == 204
    assert client.post("/v1/auth/password-reset/confirm", json=body).status_code == 422
    log_in(client, "/v1/auth/login", READER | {"password": NEW})


def test_role_disabling_and_deletion_reach_the_running_gateway(
    client: TestClient, clock: ManualClock, reader: dict[str, str], settings_data: Path
) -> None:
    email = READER["email"]
    assert read_lines(settings_data, "role", email, "editor") == [f"{email} is editor now"]
    clock.advance(10)
    assert client.get("/v1/users/me", headers=reader).json()["role"] == "editor"
    assert read_lines(settings_data, "disable", email) == [f"{email} disabled; all its sessions ended"]
    clock.advance(10)
    assert client.get("/v1/users/me", headers=reader).status_code == 401
    assert client.post("/v1/auth/login", json=READER).status_code == 403
    read_lines(settings_data, "enable", email)
    log_in(client, "/v1/auth/login", READER)
    assert read_lines(settings_data, "delete", email) == [f"{email} deleted"]
    assert client.post("/v1/auth/login", json=READER).status_code == 401


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reset", "nobody@example.org"], "no account 'nobody@example.org'; `bookstream user list`"),
        (["delete", ADMIN["email"]], "last administrator"),
        (["disable", ADMIN["email"]], "last administrator"),
        (["role", ADMIN["email"], "reader"], "last administrator"),
        (["reset", "--second-factor", ADMIN["email"]], "has no second factor"),
    ],
)
def test_what_cannot_be_done_is_one_line(settings_data: Path, arguments: list[str], words: str) -> None:
    ran = run(settings_data, *arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("bookstream: ")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_folder_without_accounts_is_named(tmp_path: Path) -> None:
    ran = run(tmp_path / "empty", "list")
    assert (ran.returncode, "there are no accounts in" in ran.stderr) == (1, True)
    assert not (tmp_path / "empty").exists()
