from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, log_in

from bookcore.domain.errors import Invalid, NotFound
from bookcore.testing.contracts.cache import ManualClock
from gateway.auth.signing_keys import KeyRing, SigningKeys


def open_keys(folder: Path) -> KeyRing:
    return SigningKeys(folder, clock=ManualClock(), token_seconds=600).ring


def test_concurrent_starts_create_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(open_keys, [tmp_path / "keys"] * 16))
    assert len({ring.signing_kid for ring in rings}) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["signing.pem"]


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    open_keys(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "signing.pem").stat().st_mode & 0o777 == 0o600


def test_invalid_key_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "signing.pem").write_text("garbage")
    with pytest.raises(Invalid, match=r"signing\.pem is no private key"):
        open_keys(tmp_path)


@pytest.fixture
def folder(tmp_path: Path, clock: ManualClock) -> SigningKeys:
    return SigningKeys(tmp_path / "keys", clock=clock, token_seconds=600)


def test_retired_key_is_trusted_until_its_last_token_expires(
    folder: SigningKeys, clock: ManualClock, tmp_path: Path
) -> None:
    first = folder.ring.signing_kid
    second = folder.rotate()
    assert set(folder.ring.believed) == {first, second}
    clock.advance(700)
    third = folder.rotate()
    assert set(folder.ring.believed) == {second, third}
    assert len(list((tmp_path / "keys").glob("*.pem"))) == 2


def test_other_gateway_uses_a_new_key_at_once(
    folder: SigningKeys, clock: ManualClock, tmp_path: Path
) -> None:
    other = SigningKeys(tmp_path / "keys", clock=clock, token_seconds=600)
    for _ in range(20):
        assert other.find_public_key("nobody's") is None
        kid = folder.rotate()
        assert other.find_public_key(kid) is not None
        assert other.ring.signing_kid == kid


def test_unknown_kid_does_not_read_the_folder(folder: SigningKeys) -> None:
    ring = folder.ring
    for n in range(100):
        assert folder.find_public_key(str(n)) is None
    assert folder.ring is ring


def test_distrusted_key_is_refused_and_others_stay_trusted(
    folder: SigningKeys, clock: ManualClock, tmp_path: Path
) -> None:
    other = SigningKeys(tmp_path / "keys", clock=clock, token_seconds=600)
    first, second, third = folder.ring.signing_kid, folder.rotate(), folder.rotate()
    folder.distrust(second)
    assert set(other.ring.believed) == set(folder.ring.believed) == {first, third}
    assert other.ring.signing_kid == third


def test_distrusted_signing_key_is_replaced(folder: SigningKeys) -> None:
    old = folder.ring.signing_kid
    folder.distrust(old)
    assert set(folder.ring.believed) == {folder.ring.signing_kid}
    assert folder.ring.signing_kid != old
    with pytest.raises(NotFound, match="no signing key"):
        folder.distrust(old)


def test_unreadable_folder_keeps_the_last_keys(folder: SigningKeys, tmp_path: Path) -> None:
    ring = folder.ring
    (tmp_path / "keys" / "other.pem").write_text("garbage")
    assert folder.ring is ring
    (tmp_path / "keys" / "other.pem").unlink()
    (tmp_path / "keys").rename(tmp_path / "gone")
    assert folder.ring is ring


def test_reader_always_trusts_the_signing_key_during_rotations(folder: SigningKeys, tmp_path: Path) -> None:
    other = SigningKeys(tmp_path / "keys", clock=ManualClock(), token_seconds=600)

    def change(n: int) -> None:
        kid = other.rotate()
        if n % 3 == 0:
            other.distrust(kid)

    with ThreadPoolExecutor(2) as pool:
        changes = [pool.submit(change, n) for n in range(60)]
        while not all(each.done() for each in changes):
            ring = folder.ring
            assert ring.signing_kid in ring.believed
        for each in changes:
            each.result()


def test_concurrently_rotated_keys_are_all_trusted(folder: SigningKeys, tmp_path: Path) -> None:
    others = [SigningKeys(tmp_path / "keys", clock=ManualClock(), token_seconds=600) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda other: other.rotate(), others * 3))
    kept = SigningKeys(tmp_path / "keys", clock=ManualClock(), token_seconds=600).ring.believed
    assert set(made) <= set(kept)


def test_rotation_under_load_refuses_no_valid_token(
    client: TestClient, admin: dict[str, str], clock: ManualClock
) -> None:
    old = log_in(client, "/v1/auth/register", READER)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.get, "/v1/users/me", headers=old) for _ in range(40)]
        kids = {client.post("/v1/admin/signing-keys", headers=admin).json()["kid"] for _ in range(3)}
        statuses = {future.result().status_code for future in asked}
    assert statuses == {200}
    new = log_in(client, "/v1/auth/login", READER)
    assert client.get("/v1/users/me", headers=new).status_code == 200
    published = {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    assert kids < published
    clock.advance(601)
    assert client.get("/v1/users/me", headers=old).json()["detail"].startswith("the token has expired")


def test_distrust_invalidates_access_tokens_and_keeps_refresh_tokens(
    client: TestClient, admin: dict[str, str]
) -> None:
    pair = client.post("/v1/auth/register", json=READER).json()
    old = {"Authorization": f"Bearer {pair['access_token']}"}
    assert client.get("/v1/books", headers=old).status_code == 200
    (kid,) = [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]
    assert client.delete(f"/v1/admin/signing-keys/{kid}", headers=admin).status_code == 204
    assert client.get("/v1/books", headers=old).status_code == 401
    assert client.get("/v1/users/me", headers=admin).status_code == 401
    again = client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}).json()
    new = {"Authorization": f"Bearer {again['access_token']}"}
    assert client.get("/v1/books", headers=new).status_code == 200
    root = log_in(client, "/v1/auth/login", ADMIN)
    assert client.delete(f"/v1/admin/signing-keys/{kid}", headers=root).status_code == 404
    newest = client.get("/v1/admin/audit", params={"target": kid}, headers=root).json()["entries"][0]
    assert newest["action"] == "signing-key.distrusted"


def test_only_administrators_rotate_and_distrust(client: TestClient, reader: dict[str, str]) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert client.post("/v1/admin/signing-keys", headers=reader).status_code == 403
    assert client.delete(f"/v1/admin/signing-keys/{key['kid']}", headers=reader).status_code == 403


@pytest.mark.parametrize("kid", ["x", "..%2fsigning.pem", "k" * 44])
def test_malformed_kid_is_refused(client: TestClient, admin: dict[str, str], kid: str) -> None:
    assert client.delete(f"/v1/admin/signing-keys/{kid}", headers=admin).status_code in (404, 422)
