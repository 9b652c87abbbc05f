"""The Ed25519 keys that sign access tokens: files in one folder, readable by their owner only.

`signing.pem` signs; every other `*.pem` is believed. Rotating keeps the old key as `retired-TIME-KID.pem`
until the last token that it signed has ended. Gateways that share the folder learn of a new key when they
first meet it, so a rotation under load refuses nobody.
"""

import base64
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import BaseModel, ConfigDict, Field

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.kit.clock import Clock

_SIGNING = "signing.pem"
_RETIRED = "retired"
_LOCK = ".rotating"
_LOOK_SECONDS = 1.0
_MARGIN = 60
"""Seconds that a retired key stays beyond its last token: clocks differ, answers take time."""


class Jwk(BaseModel):
    """A public key as RFC 8037 writes it; `kid` is its RFC 7638 thumbprint."""

    model_config = ConfigDict(frozen=True)

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = "EdDSA"
    kid: Annotated[str, Field(examples=["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"])]
    x: Annotated[str, Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])]


class Jwks(BaseModel):
    """All keys that may have signed a living token."""

    model_config = ConfigDict(frozen=True)

    keys: tuple[Jwk, ...]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs, and by kid all that are believed."""

    signing: Ed25519PrivateKey
    signing_kid: str
    believed: Mapping[str, Ed25519PublicKey]

    def jwks(self) -> Jwks:
        """What others need to check our tokens."""
        return Jwks(keys=tuple(Jwk(kid=kid, x=_x(key)) for kid, key in self.believed.items()))


class KeyFolder:
    """The keys as they are now; `token_seconds` is the longest life of a token. Safe from several threads."""

    def __init__(self, folder: Path, *, clock: Clock, token_seconds: int) -> None:
        self._folder = folder
        self._clock = clock
        self._token_seconds = token_seconds
        self._looked_at = clock.now().timestamp()
        self.ring = _open(folder)

    def believed(self, kid: str) -> Ed25519PublicKey | None:
        """The key of that name; looks into the folder again for an unknown one, at most once a second."""
        key = self.ring.believed.get(kid)
        now = self._clock.now().timestamp()
        if key is None and now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self.ring = _open(self._folder)
            key = self.ring.believed.get(kid)
        return key

    def rotate(self) -> str:
        """Sign with a new key from now on; its kid.

        Idempotent by nothing: each call makes a key. Raises: Unavailable when the folder can't be written.
        """
        now = int(self._clock.now().timestamp())
        try:
            with (self._folder / _LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._retire(now)
                self._drop_outlived(now)
        except OSError as error:
            raise _unusable(self._folder, error) from error
        self.ring = _open(self._folder)
        return self.ring.signing_kid

    def _retire(self, now: int) -> None:
        signing = self._folder / _SIGNING
        kid = thumbprint(_load(signing).public_key())
        os.link(signing, self._folder / f"{_RETIRED}-{now}-{kid}.pem")
        _write_new(self._folder).replace(signing)  # at every moment there is a whole signing key

    def _drop_outlived(self, now: int) -> None:
        for path in self._folder.glob(f"{_RETIRED}-*.pem"):
            retired_at = path.name.split("-")[1]
            if retired_at.isdigit() and int(retired_at) + self._token_seconds + _MARGIN < now:
                path.unlink(missing_ok=True)


def _open(folder: Path) -> KeyRing:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / _SIGNING).exists():
            _create(folder)
        keys = {path.name: _load(path) for path in sorted(folder.glob("*.pem"))}
    except OSError as error:
        raise _unusable(folder, error) from error
    signing = keys[_SIGNING]
    believed = [key.public_key() for key in keys.values()]
    return KeyRing(signing, thumbprint(signing.public_key()), {thumbprint(key): key for key in believed})


def _unusable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(f"cannot use the keys in {folder} ({error.strerror}); check its owner")


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638."""
    members = orjson.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)}, option=orjson.OPT_SORT_KEYS)
    return _base64url(sha256(members).digest())


def _create(folder: Path) -> None:
    draft = _write_new(folder)
    try:
        os.link(draft, folder / _SIGNING)  # whole or not at all, and only the first succeeds
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _write_new(folder: Path) -> Path:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = folder / f".{uuid4().hex}.draft"
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise Invalid(f"{path} is no private key in PEM; remove it", field="gateway_keys") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is no Ed25519 key; remove it", field="gateway_keys")
    return key


def _x(key: Ed25519PublicKey) -> str:
    return _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
