"""Folders of the stack, and the account that its servers run as."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bookcore.domain.errors import Unavailable

HOME_VARIABLE = "BOOKSTREAM_STACK"
"""Environment variable with the folder; default `.stack` in the working folder."""
_USER = "bookstream-stack"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a server runs as; None is the caller's."""

    uid: int | None = None
    gid: int | None = None

    def chown(self, path: Path) -> None:
        """Give everything below the path to the account."""
        if self.uid is None or self.gid is None:
            return
        for file in (path, *path.rglob("*")):
            if not file.is_symlink():
                os.chown(file, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class StackHome:
    """The folder of one stack."""

    path: Path

    def get_program_folder(self, name: str) -> Path:
        """Folder that a server is installed in."""
        return self.path / "programs" / name

    def get_data_folder(self, name: str) -> Path:
        """Folder of a server's data and configuration."""
        return self.path / "data" / name

    def get_log_file(self, name: str) -> Path:
        """Standard output and error of a server."""
        return self.path / "logs" / f"{name}.log"

    @property
    def process_file(self) -> Path:
        """Ports and process ids."""
        return self.path / "stack.json"

    def read_password(self) -> str:
        """One random password for all servers of this stack, created at the first start, readable by its
        owner."""
        path = self.path / "secret"
        if not path.exists():
            staged = path.with_suffix(".new")
            staged.touch(mode=0o600)
            staged.write_text(secrets.token_hex(16))
            staged.replace(path)
        return path.read_text()


def open_home() -> StackHome:
    """The folder of BOOKSTREAM_STACK, else `.stack` here.

    When the servers' account can't reach the working folder it is one below the temporary folder.
    """
    named = os.environ.get(HOME_VARIABLE)
    path = Path(named).absolute() if named else Path(".stack").absolute()
    if not named and os.geteuid() == 0 and not is_reachable(path.parent):
        path = Path(tempfile.gettempdir()) / "bookstream-stack"
    for folder in (path, path / "programs", path / "data", path / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    return StackHome(path)


def ensure_account() -> Account:
    """An unprivileged account when the caller is root, created if missing; else the caller's own.

    Raises: Unavailable when it can't be created.
    """
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(_USER)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        exit_code = (
            useradd and subprocess.run([useradd, "--system", "--user-group", _USER], check=False).returncode
        )
        if exit_code != 0:
            raise Unavailable(
                f"servers don't run as root and the account {_USER} can't be created;"
                " create it, or run this as an ordinary user"
            ) from None
        entry = pwd.getpwnam(_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def is_reachable(folder: Path) -> bool:
    """Whether every account may enter the folder and all its parents."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))
