"""`bookstream user` on a data folder, without any server."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.warm import run_warm

from bookcore.event_log import open_event_log
from bookcore.kit.clock import SystemClock
from gateway.accounts.database import open_database
from gateway.accounts.users import UserStore

EMAIL = "reader@example.org"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one account."""
    open_event_log(f"sqlite://{tmp_path}/log.db").close()
    database = open_database(f"sqlite:///{tmp_path}/accounts.db")
    UserStore(database, clock=SystemClock()).create_user(EMAIL, "hash")
    database.close()
    return tmp_path


def run(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BOOKSTREAM_GATEWAY_PUBLIC_URL": "https://books.example.org"}
    return run_warm("bookstream", "user", *arguments, "--data", str(data), environment=environment)


def test_accounts_are_listed_changed_and_deleted(data: Path) -> None:
    assert run(data, "list").stdout.startswith(EMAIL)
    assert run(data, "role", EMAIL, "admin").stdout == f"{EMAIL} is admin now\n"
    assert '"role": "admin"' in run(data, "list", "--json").stdout
    link = run(data, "reset", EMAIL).stdout.splitlines()[-1]
    assert link.startswith("https://books.example.org/portal#reset=")
    refused = run(data, "delete", "--yes", EMAIL)
    assert (refused.returncode, "last administrator" in refused.stderr) == (1, True)
    run(data, "role", EMAIL, "reader")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["role", EMAIL, "king"], 2, "'king' is no role; use reader, editor or admin"),
        (["disable", "nobody@example.org"], 1, "no account 'nobody@example.org'"),
    ],
)
def test_wrong_argument_is_named(data: Path, arguments: list[str], code: int, words: str) -> None:
    ran = run(data, *arguments)
    assert ran.returncode == code
    assert words in ran.stderr


def test_folder_without_data_is_refused(tmp_path: Path) -> None:
    ran = run(tmp_path / "empty", "list")
    assert (ran.returncode, "there is no data in" in ran.stderr) == (1, True)
    assert not (tmp_path / "empty").exists()
