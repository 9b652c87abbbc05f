"""The Ed25519 keys that sign access tokens: files below the data folder, readable by their owner only.

`signing.pem` signs. To rotate, rename it to any other `*.pem` and restart: a new one is made, and tokens
signed with the old one stay good as long as its file is there.
"""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
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
from pydantic import BaseModel, ConfigDict

from bookcore.domain.errors import Invalid, Unavailable

_SIGNING = "signing.pem"


class Jwk(BaseModel):
    """A public key as RFC 8037 writes it; `kid` is its RFC 7638 thumbprint."""

    model_config = ConfigDict(frozen=True)

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = "EdDSA"
    kid: str
    x: str


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


def open_keys(folder: Path) -> KeyRing:
    """The keys in the folder; a signing key is made when there is none, one for all who start at once.

    Raises: Unavailable when the folder can't be used, Invalid for a file that is no Ed25519 key.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / _SIGNING).exists():
            _create(folder)
        keys = {path.name: _load(path) for path in sorted(folder.glob("*.pem"))}
    except OSError as error:
        raise Unavailable(f"cannot use the keys in {folder} ({error.strerror}); check its owner") from error
    signing = keys[_SIGNING]
    believed = [key.public_key() for key in keys.values()]
    return KeyRing(signing, thumbprint(signing.public_key()), {thumbprint(key): key for key in believed})


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638."""
    members = orjson.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)}, option=orjson.OPT_SORT_KEYS)
    return _base64url(sha256(members).digest())


def _create(folder: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = folder / f".{uuid4().hex}.draft"
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, folder / _SIGNING)  # whole or not at all, and only the first succeeds
    except FileExistsError:
        return
    finally:
        draft.unlink()


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
