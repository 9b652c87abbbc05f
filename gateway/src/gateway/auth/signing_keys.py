"""The Ed25519 keys that sign access tokens: files in one folder, readable by their owner only.

`signing.pem` signs; every other `*.pem` is trusted. A rotation keeps the old key as `retired-TIME-KID.pem`
until its last token has expired. Gateways that share the folder check it for changes with each token that
they sign or verify for the first time, so a rotation under load refuses no valid token; unknown kids cause no
reads. A folder that is given from outside (read-only) is changed outside; changes are noticed the same way.
"""

import base64
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field

from bookcore.domain.errors import BookstreamError, NotFound
from bookcore.kit.clock import Clock
from bookcore.kit.logger import get_logger
from gateway.auth.signing_key_files import (
    SIGNING,
    Mark,
    build_unavailable,
    check_writable,
    compute_mark,
    create_first_key,
    load_key,
    read_keys,
    write_key,
)

_log = get_logger(__name__)
_RETIRED = "retired"
_LOCK = ".rotating"
_MARGIN = 60
"""Seconds that a retired key is kept after its last token expired: clocks differ, responses take time."""


class Jwk(BaseModel):
    """A public key in the format of RFC 8037; `kid` is its RFC 7638 thumbprint."""

    model_config = ConfigDict(frozen=True)

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = "EdDSA"
    kid: Annotated[str, Field(examples=["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"])]
    x: Annotated[str, Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])]


class Jwks(BaseModel):
    """All keys that can have signed a valid token."""

    model_config = ConfigDict(frozen=True)

    keys: tuple[Jwk, ...]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The signing key, and all trusted keys by kid."""

    signing: Ed25519PrivateKey
    signing_kid: str
    believed: Mapping[str, Ed25519PublicKey]

    def build_jwks(self) -> Jwks:
        """Public keys that verify access tokens."""
        return Jwks(keys=tuple(Jwk(kid=kid, x=_encode_x(key)) for kid, key in self.believed.items()))


class SigningKeys:
    """Current keys; thread-safe. `token_seconds`: longest lifetime of a token.

    A folder without a key gets one. Raises: Invalid for a file that is no key, Unavailable.
    """

    def __init__(self, folder: Path, *, clock: Clock, token_seconds: int) -> None:
        self._folder = folder
        self._clock = clock
        self._token_seconds = token_seconds
        create_first_key(folder)
        mark, keys = read_keys(folder)
        self._read: tuple[Mark, KeyRing] = mark, _build_ring(keys)
        self._is_broken = False

    @property
    def ring(self) -> KeyRing:
        """Reads the files again after a change; while the folder is unreadable the last keys stay."""
        try:
            if compute_mark(self._folder) != self._read[0]:
                mark, keys = read_keys(self._folder)
                self._read = mark, _build_ring(keys)
            self._is_broken = False
        except (OSError, BookstreamError) as error:
            if not self._is_broken:
                _log.error("the keys can't be read anew", error=str(error))
            self._is_broken = True
        return self._read[1]

    def find_public_key(self, kid: str) -> Ed25519PublicKey | None:
        """The trusted key with this kid."""
        return self.ring.believed.get(kid)

    def rotate(self) -> str:
        """Sign with a new key from now on; returns its kid.

        Idempotent by nothing: each call makes a key. Raises: Conflict when the keys are given from outside,
        Unavailable when the folder can't be written.
        """
        with self._lock_folder():
            now = int(self._clock.now().timestamp())
            kid = self._retire_current(now)
            self._remove_expired(now)
        return kid

    def distrust(self, kid: str) -> None:
        """Refuse all tokens of a key from now on; a signing key is replaced by a new one.

        Raises: NotFound, Conflict when the keys are given from outside, Unavailable when the folder can't be
        written.
        """
        with self._lock_folder():
            _, keys = read_keys(self._folder)
            names = [name for name, key in keys.items() if compute_thumbprint(key.public_key()) == kid]
            if not names:
                raise NotFound(f"no signing key {kid[:60]!r}; /.well-known/jwks.json lists them")
            for name in names:
                if name == SIGNING:
                    write_key(self._folder).replace(self._folder / SIGNING)
                else:
                    (self._folder / name).unlink()

    @contextmanager
    def _lock_folder(self) -> Iterator[None]:
        """Exclusive among all gateways on this folder."""
        check_writable(self._folder)
        try:
            with (self._folder / _LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise build_unavailable(self._folder, error) from error

    def _retire_current(self, now: int) -> str:
        """Replace the signing key; the kid of the new one."""
        signing = self._folder / SIGNING
        old = compute_thumbprint(load_key(signing).public_key())
        os.link(signing, self._folder / f"{_RETIRED}-{now}-{old}.pem")
        draft = write_key(self._folder)
        kid = compute_thumbprint(load_key(draft).public_key())
        draft.replace(signing)  # at every moment there is a whole signing key
        return kid

    def _remove_expired(self, now: int) -> None:
        for path in self._folder.glob(f"{_RETIRED}-*.pem"):
            retired_at = path.name.split("-")[1]
            if retired_at.isdigit() and int(retired_at) + self._token_seconds + _MARGIN < now:
                path.unlink(missing_ok=True)


def compute_thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638."""
    members = orjson.dumps({"crv": "Ed25519", "kty": "OKP", "x": _encode_x(key)}, option=orjson.OPT_SORT_KEYS)
    return _encode_base64url(sha256(members).digest())


def _build_ring(keys: Mapping[str, Ed25519PrivateKey]) -> KeyRing:
    believed = {compute_thumbprint(key): key for key in (keys[name].public_key() for name in sorted(keys))}
    signing = keys[SIGNING]
    return KeyRing(signing, compute_thumbprint(signing.public_key()), believed)


def _encode_x(key: Ed25519PublicKey) -> str:
    return _encode_base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _encode_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
