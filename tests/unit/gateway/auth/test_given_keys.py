"""Signing keys that are given from outside: a Kubernetes Secret, which swaps a link when it changes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import ADMIN, READER, StubServices, log_in

from bookcore.cache.memory import MemoryCache
from bookcore.domain.errors import Conflict
from bookcore.testing.contracts.cache import ManualClock
from gateway.app import create_app
from gateway.auth.signing_key_files import create_first_key
from gateway.auth.signing_keys import SigningKeys
from gateway.settings import Settings


class MountedSecret:
    """A volume as the kubelet writes it: files are links through ..data, which is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        folder.mkdir()

    def replace(self, **files: Path) -> None:
        """The Secret's new content, by file name without .pem."""
        self._count += 1
        version = self.folder / f"..{self._count}"
        version.mkdir()
        for name, source in files.items():
            shutil.copyfile(source, version / f"{name}.pem")
            (version / f"{name}.pem").chmod(0o440)
        staged = self.folder / "..data_tmp"
        staged.symlink_to(version.name)
        staged.replace(self.folder / "..data")
        for link in self.folder.glob("*.pem"):
            if not link.exists():
                link.unlink()
        for name in files:
            if not (self.folder / f"{name}.pem").is_symlink():
                (self.folder / f"{name}.pem").symlink_to(f"..data/{name}.pem")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Path]:
    """Makes files with a key each."""
    for name in ("first", "second"):
        create_first_key(tmp_path / name)
    return iter([tmp_path / "first/signing.pem", tmp_path / "second/signing.pem"])


@pytest.fixture
def mounted(tmp_path: Path) -> MountedSecret:
    return MountedSecret(tmp_path / "mounted")


def open_given(folder: Path) -> SigningKeys:
    return SigningKeys(folder, clock=ManualClock(), token_seconds=600)


def test_gateways_with_the_same_keys_accept_each_others_tokens(
    settings: Settings,
    services: StubServices,
    clock: ManualClock,
    mounted: MountedSecret,
    made: Iterator[Path],
) -> None:
    mounted.replace(signing=next(made))
    shared = settings.model_copy(update={"gateway_keys": mounted.folder})
    apps = [create_app(shared, cache=MemoryCache(clock=clock), clock=clock) for _ in range(2)]
    with TestClient(apps[0]) as one, TestClient(apps[1]) as two:
        headers = log_in(one, "/v1/auth/register", READER)
        assert one.get("/v1/users/me", headers=headers).status_code == 200
        assert two.get("/v1/users/me", headers=headers).status_code == 200


def test_replaced_secret_is_used_without_a_restart(mounted: MountedSecret, made: Iterator[Path]) -> None:
    first, second = made
    mounted.replace(signing=first)
    keys = open_given(mounted.folder)
    old = keys.ring.signing_kid
    mounted.replace(signing=second, **{"retired-1": first})
    assert keys.ring.signing_kid != old
    assert set(keys.ring.believed) == {old, keys.ring.signing_kid}
    mounted.replace(signing=second)
    assert set(keys.ring.believed) == {keys.ring.signing_kid}


def test_secret_that_loses_its_signing_key_leaves_the_last_keys(
    mounted: MountedSecret, made: Iterator[Path]
) -> None:
    first, second = made
    mounted.replace(signing=first)
    keys = open_given(mounted.folder)
    ring = keys.ring
    mounted.replace(other=second)
    assert keys.ring is ring
    assert not (mounted.folder / "signing.pem").exists()
    mounted.replace(signing=second)
    assert keys.ring.signing_kid != ring.signing_kid


def test_administrator_is_told_that_given_keys_change_outside(
    settings: Settings, services: StubServices, mounted: MountedSecret, made: Iterator[Path]
) -> None:
    mounted.replace(signing=next(made))
    app = create_app(settings.model_copy(update={"gateway_keys": mounted.folder}))
    with TestClient(app) as client:
        headers = log_in(client, "/v1/auth/login", ADMIN)
        (key,) = client.get("/.well-known/jwks.json").json()["keys"]
        answers = [
            client.post("/v1/admin/signing-keys", headers=headers),
            client.delete(f"/v1/admin/signing-keys/{key['kid']}", headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [409, 409]
        for answer in answers:
            assert answer.json()["detail"].startswith("the keys are given from outside: change the files")
        assert client.get("/v1/users/me", headers=headers).status_code == 200


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_gives_keys_from_outside(tmp_path: Path) -> None:
    create_first_key(tmp_path / "keys")
    (tmp_path / "keys").chmod(0o550)
    with pytest.raises(Conflict, match="given from outside"):
        open_given(tmp_path / "keys").rotate()


def test_production_makes_no_key_and_starts_with_a_made_one(tmp_path: Path) -> None:
    environment = {
        "BOOKSTREAM_ENVIRONMENT": "production",
        "BOOKSTREAM_INTERNAL_SECRET": "x" * 40,
        "BOOKSTREAM_GATEWAY_KEYS": str(tmp_path / "keys"),
        "BOOKSTREAM_EVENT_LOG_URL": "kafka://127.0.0.1:1",
        "BOOKSTREAM_LAKE_URL": "s3://bucket",
        "BOOKSTREAM_CATALOGUE_URL": "postgresql+psycopg2://u@127.0.0.1:1/db",
        "BOOKSTREAM_SEARCH_URL": "elasticsearch://127.0.0.1:1/books",
        "BOOKSTREAM_ACCOUNTS_URL": "postgresql+psycopg2://u@127.0.0.1:1/db",
        "BOOKSTREAM_CACHE_URL": "redis://127.0.0.1:1",
    }

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "gateway", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    refused = run()
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(
        "gateway: BOOKSTREAM_GATEWAY_KEYS: there is no signing.pem"
    )
    made = run("make-key")
    assert (made.returncode, made.stdout) == (0, f"made {tmp_path}/keys/signing.pem\n"), made.stderr
    assert run("make-key").stdout == f"kept {tmp_path}/keys/signing.pem\n"
    assert "accounts database" in run().stderr  # the next thing that it needs
