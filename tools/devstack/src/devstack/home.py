"""Where the stack's programs, data and logs stand, and as whom its servers run."""

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
    """Whom a server runs as; None is the caller."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Make everything below the path the account's."""
        if self.uid is None or self.gid is None:
            return
        for each in (path, *path.rglob("*")):
            if not each.is_symlink():
                os.chown(each, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Home:
    """One stack's folder."""

    path: Path

    def programs(self, name: str) -> Path:
        """Where a server's files are installed."""
        return self.path / "programs" / name

    def data(self, name: str) -> Path:
        """What a server keeps; below it nothing of another server's."""
        return self.path / "data" / name

    def log(self, name: str) -> Path:
        """What a server says."""
        return self.path / "logs" / f"{name}.log"

    @property
    def records(self) -> Path:
        """Ports and process ids."""
        return self.path / "stack.json"

    def secret(self) -> str:
        """One random password for all servers of this stack, made at the first start, the owner's alone."""
        path = self.path / "secret"
        if not path.exists():
            staged = path.with_suffix(".new")
            staged.touch(mode=0o600)
            staged.write_text(secrets.token_hex(16))
            staged.replace(path)
        return path.read_text()


def stack_home() -> Home:
    """The folder of BOOKSTREAM_STACK, else `.stack` here.

    When the servers' account can't reach the working folder it is one below the temporary folder.
    """
    given = os.environ.get(HOME_VARIABLE)
    path = Path(given).absolute() if given else Path(".stack").absolute()
    if not given and os.geteuid() == 0 and not is_reachable(path.parent):
        path = Path(tempfile.gettempdir()) / "bookstream-stack"
    for folder in (path, path / "programs", path / "data", path / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    return Home(path)


def account() -> Account:
    """An unprivileged account for root, made when it isn't there; otherwise the caller's own.

    Raises: Unavailable when it can't be made.
    """
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(_USER)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        made = (
            useradd and subprocess.run([useradd, "--system", "--user-group", _USER], check=False).returncode
        )
        if made != 0:
            raise Unavailable(
                f"servers don't run as root and the account {_USER} can't be made;"
                " make it, or run this as an ordinary user"
            ) from None
        entry = pwd.getpwnam(_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def is_reachable(folder: Path) -> bool:
    """Whether everybody may pass through all the folders above."""
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
