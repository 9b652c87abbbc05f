from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.conftest import READER, bearer

from bookcore.domain.errors import Invalid
from bookcore.testing.contracts.cache import MovableClock
from gateway.control.keys import KeyFolder, KeyRing


def open_keys(folder: Path) -> KeyRing:
    return KeyFolder(folder, clock=MovableClock(), token_seconds=600).ring


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


@pytest.fixture
def folder(tmp_path: Path, clock: MovableClock) -> KeyFolder:
    return KeyFolder(tmp_path / "keys", clock=clock, token_seconds=600)


def test_an_old_key_is_believed_until_its_last_token_is_gone(
    folder: KeyFolder, clock: MovableClock, tmp_path: Path
) -> None:
    first = folder.ring.signing_kid
    second = folder.rotate()
    assert set(folder.ring.believed) == {first, second}
    clock.advance(700)
    third = folder.rotate()
    assert set(folder.ring.believed) == {second, third}
    assert len(list((tmp_path / "keys").glob("*.pem"))) == 2


def test_another_gateway_learns_of_a_new_key_when_it_first_meets_it(
    folder: KeyFolder, clock: MovableClock, tmp_path: Path
) -> None:
    other = KeyFolder(tmp_path / "keys", clock=clock, token_seconds=600)
    kid = folder.rotate()
    clock.advance(1)
    assert other.believed(kid) is not None


def test_unknown_names_make_nobody_look_into_the_folder_more_than_once_a_second(
    folder: KeyFolder, clock: MovableClock
) -> None:
    clock.advance(1)
    rings = set()
    for n in range(100):
        assert folder.believed(str(n)) is None
        rings.add(id(folder.ring))
    assert len(rings) == 1


def test_keys_rotated_by_many_at_once_are_all_believed(folder: KeyFolder, tmp_path: Path) -> None:
    others = [KeyFolder(tmp_path / "keys", clock=MovableClock(), token_seconds=600) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda other: other.rotate(), others * 3))
    kept = KeyFolder(tmp_path / "keys", clock=MovableClock(), token_seconds=600).ring.believed
    assert set(made) <= set(kept)


def test_a_rotation_while_many_ask_refuses_nobody(
    client: TestClient, admin: dict[str, str], clock: MovableClock
) -> None:
    old = bearer(client, "/v1/auth/register", READER)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.get, "/v1/users/me", headers=old) for _ in range(40)]
        kids = {client.post("/v1/admin/signing-keys", headers=admin).json()["kid"] for _ in range(3)}
        statuses = {future.result().status_code for future in asked}
    assert statuses == {200}
    new = bearer(client, "/v1/auth/login", READER)
    assert client.get("/v1/users/me", headers=new).status_code == 200
    published = {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    assert kids < published
    clock.advance(601)
    assert client.get("/v1/users/me", headers=old).json()["detail"].startswith("the token has expired")


def test_only_administrators_rotate(client: TestClient, reader: dict[str, str]) -> None:
    assert client.post("/v1/admin/signing-keys", headers=reader).status_code == 403
