"""Signing keys as files: written atomically, readable by their owner only, with a cheap check for changes.

A folder that is mounted read-only, such as a Kubernetes Secret, gives the keys from outside: they are only
read, and a replaced file is noticed like a rotation.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bookcore.domain.errors import Conflict, Invalid, Unavailable

SIGNING = "signing.pem"
_SUFFIX = ".pem"
_TRIES = 100

Mark = frozenset[tuple[str, int, int]]
"""Name, inode and time of every key file; changes when a file is added, removed or replaced."""


def compute_mark(folder: Path) -> Mark:
    """A few microseconds. Raises: OSError."""
    with os.scandir(folder) as entries:
        named = [entry for entry in entries if entry.name.endswith(_SUFFIX)]
        found = [(entry.name, entry.stat()) for entry in named]
    return frozenset((name, stat.st_ino, stat.st_mtime_ns) for name, stat in found)


def create_first_key(folder: Path) -> bool:
    """Makes the folder and its signing key where there is none; False where there is one.

    Raises: Unavailable when the folder can't be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return not (folder / SIGNING).exists() and _link_first_key(folder)
    except OSError as error:
        raise build_unavailable(folder, error) from error


def check_writable(folder: Path) -> None:
    """Raises: Conflict when the keys are given from outside: in a read-only folder, or as links."""
    if (folder / SIGNING).is_symlink() or not os.access(folder, os.W_OK):
        raise Conflict(
            f"the keys are given from outside: change the files of {folder} where they come from; the old"
            " signing.pem stays beside the new one as retired-*.pem until its last token has expired"
        )


def read_keys(folder: Path) -> tuple[Mark, Mapping[str, Ed25519PrivateKey]]:
    """Consistent snapshot of all keys by file name.

    Raises: Invalid for a file that is no key or without a signing key, Unavailable when the folder can't be
    used.
    """
    try:
        for _ in range(_TRIES):
            if not (folder / SIGNING).exists():
                raise _build_missing(folder)
            found = _read_snapshot(folder)
            if found is not None and SIGNING in found[1]:
                return found
    except OSError as error:
        raise build_unavailable(folder, error) from error
    raise Unavailable(f"the keys in {folder} keep changing; retry")


def _read_snapshot(folder: Path) -> tuple[Mark, Mapping[str, Ed25519PrivateKey]] | None:
    """None if the folder changed meanwhile: a key that was just retired could be missed."""
    try:
        before = compute_mark(folder)
        keys = {name: load_key(folder / name) for name, _, _ in before}
        return (before, keys) if compute_mark(folder) == before else None
    except FileNotFoundError:
        return None


def _build_missing(folder: Path) -> Invalid:
    return Invalid(
        f"there is no {SIGNING} in {folder}; make one with `python -m gateway make-key FOLDER` and give it to"
        " every gateway",
        field="BOOKSTREAM_GATEWAY_KEYS",
    )


def build_unavailable(folder: Path, error: OSError) -> Unavailable:
    """Error for an unusable folder."""
    return Unavailable(f"cannot use the keys in {folder} ({error.strerror}); check its owner")


def write_key(folder: Path) -> Path:
    """Write a new key to a temporary file; the caller renames it."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = folder / f".{uuid4().hex}.draft"
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return draft


def load_key(path: Path) -> Ed25519PrivateKey:
    """Raises: Invalid, OSError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise Invalid(f"{path} is no private key in PEM; remove it", field="gateway_keys") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is no Ed25519 key; remove it", field="gateway_keys")
    return key


def _link_first_key(folder: Path) -> bool:
    draft = write_key(folder)
    try:
        os.link(draft, folder / SIGNING)  # whole or not at all, and only the first succeeds
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
