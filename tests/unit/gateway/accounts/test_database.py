"""A file of accounts that can't be used is said so, with what to do."""

from pathlib import Path

import pytest

from bookcore.domain.errors import Unavailable
from gateway.accounts.database import open_database


@pytest.mark.parametrize("in_the_way", ["accounts.db", "accounts.db.lock"])
def test_folder_in_place_of_the_database_file_is_unavailable(tmp_path: Path, in_the_way: str) -> None:
    (tmp_path / in_the_way).mkdir()
    with pytest.raises(Unavailable, match="accounts"):
        open_database(f"sqlite:///{tmp_path}/accounts.db")


def test_invalid_database_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "accounts.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(Unavailable, match="damaged"):
        open_database(f"sqlite:///{tmp_path}/accounts.db")
