"""Secrets of a laptop's data folder, made on first use and readable by its owner only."""

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


def local_secrets(data: Path) -> LocalSecrets:
    """Those of DATA/keys/local.json; two starts at once agree on the first one's.

    Raises: Invalid when the file is damaged.
    """
    path = data / "keys" / "local.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write_once(path, _new())
    try:
        return LocalSecrets(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise Invalid(f"{path} is damaged; remove it, and a new one is made at the next start") from error


def _new() -> LocalSecrets:
    return LocalSecrets(secrets.token_urlsafe(32), "admin@bookstream.example", secrets.token_urlsafe(18))


def _write_once(path: Path, made: LocalSecrets) -> None:
    staged = path.with_suffix(f".{os.getpid()}")
    staged.touch(mode=0o600)
    with staged.open("w") as file:
        file.write(json.dumps(asdict(made)))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(staged, path)
    except FileExistsError:
        pass  # somebody else was first; theirs counts
    finally:
        staged.unlink()
