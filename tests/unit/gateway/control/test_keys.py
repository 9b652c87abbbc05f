from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from gateway.control.keys import open_keys


def test_all_who_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(open_keys, [tmp_path / "keys"] * 16))
    assert len({ring.signing_kid for ring in rings}) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["signing.pem"]


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    open_keys(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "signing.pem").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "signing.pem").write_text("garbage")
    with pytest.raises(Invalid, match=r"signing\.pem is no private key"):
        open_keys(tmp_path)
