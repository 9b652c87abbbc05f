"""Accounts of a newer gateway serve an older one as long as they say so."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bookcore.domain.errors import Conflict
from gateway.accounts.database import open_database
from gateway.accounts.schema import OLDEST_READER, VERSION


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path}/accounts.db"
    open_database(found).close()
    return found


def change(url: str, statement: str) -> None:
    with create_engine(url).begin() as connection:
        connection.execute(text(statement))


def read_schema(url: str) -> tuple[int, int]:
    with create_engine(url).connect() as connection:
        version, oldest = connection.execute(text("SELECT version, oldest_reader FROM accounts_schema")).one()
    return version, oldest


def test_accounts_of_before_get_their_version_and_keep_their_rows(url: str) -> None:
    change(url, "DROP TABLE accounts_schema")
    change(
        url,
        "INSERT INTO confirmed_emails (user_id, confirmed_at) VALUES ('u', 1)",
    )
    open_database(url).close()
    assert read_schema(url) == (VERSION, OLDEST_READER)
    with create_engine(url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM confirmed_emails")).scalar() == 1


def test_newer_accounts_that_serve_this_program_are_opened_and_stay_as_they_are(url: str) -> None:
    change(url, f"UPDATE accounts_schema SET version = 99, oldest_reader = {VERSION}")
    open_database(url).close()
    assert read_schema(url) == (99, VERSION)


def test_newer_accounts_that_do_not_serve_this_program_are_refused(url: str) -> None:
    change(url, "UPDATE accounts_schema SET version = 99, oldest_reader = 98")
    with pytest.raises(Conflict, match="serves programs of schema 98 and newer; start a newer Bookstream"):
        open_database(url)


def test_accounts_that_were_migrated_in_part_are_refused_with_the_remedy(url: str) -> None:
    change(url, "ALTER TABLE second_factors DROP COLUMN last_step")
    with pytest.raises(Conflict, match=r"second_factors.last_step missing; restore the backup"):
        open_database(url)
