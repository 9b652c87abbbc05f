"""Secrets of a local data folder, generated on first use and readable by their owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from bookcore.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class LocalSecrets:
    """The services' shared secret and the first administrator."""

    internal_secret: str
    admin_email: str
    admin_password: str


def load_local_secrets(data: Path) -> LocalSecrets:
    """Read DATA/keys/local.json, or create it; concurrent starts agree on the first file.

    Raises: Invalid when the file is damaged.
    """
    path = data / "keys" / "local.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write_once(path, _generate_secrets())
    try:
        return LocalSecrets(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise Invalid(f"{path} is damaged; remove it: the next start creates a new one") from error


def _generate_secrets() -> LocalSecrets:
    return LocalSecrets(secrets.token_urlsafe(32), "admin@bookstream.example", secrets.token_urlsafe(18))


def _write_once(path: Path, secrets: LocalSecrets) -> None:
    staged = path.with_suffix(f".{os.getpid()}")
    staged.touch(mode=0o600)
    with staged.open("w") as file:
        file.write(json.dumps(asdict(secrets)))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(staged, path)
    except FileExistsError:
        pass  # a concurrent start was first; its file counts
    finally:
        staged.unlink()
