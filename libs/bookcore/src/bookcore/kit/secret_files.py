"""Settings from a folder of files, as Kubernetes and Docker mount secrets.

`BOOKSTREAM_SECRETS_DIR` names the folder; each file is named as the environment variable it stands for and
holds its value. The environment wins. Hidden entries and files of other names are ignored: Kubernetes keeps
its own there, and services may share one folder.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from bookcore.domain.errors import Invalid

VARIABLE = "BOOKSTREAM_SECRETS_DIR"
_LONGEST = 65_536
"""Bytes of a value; a larger file was mounted by mistake."""


def read_secret_files(names: Collection[str]) -> Mapping[str, str]:
    """Values by variable, of those `names` that have a file and are not in the environment.

    Raises: Invalid with the variable at fault and the remedy.
    """
    given = _list_environment()
    return {path.name: _read_value(path) for path in _list_files() if path.name in {*names} - given}


def list_overridden() -> list[str]:
    """Variables that have a file and are also in the environment, which wins. Raises: Invalid."""
    given = _list_environment()
    return sorted(path.name for path in _list_files() if path.name in given)


def _list_environment() -> set[str]:
    return {name.upper() for name in os.environ}


def _list_files() -> list[Path]:
    folder = os.environ.get(VARIABLE)
    if not folder:
        return []
    try:
        return [path for path in Path(folder).iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise Invalid(
            f"the folder {folder} can't be read ({error.strerror}); mount the secret there, or unset the"
            " variable",
            field=VARIABLE,
        ) from error


def _read_value(path: Path) -> str:
    """The file's text without the newlines at its end."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise _build_invalid(
            path,
            f"can't be read ({error.strerror})",
            "make it a file that this account may read: its group, mode 0440",
        ) from error
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _build_invalid(path, "is not UTF-8 text", "write the value itself, as text") from error
    if not text.strip():
        raise _build_invalid(path, "is empty", "write the value, or remove the file")
    if len(content) > _LONGEST:
        raise _build_invalid(path, f"is longer than {_LONGEST} bytes", "write the value alone")
    if not text.isprintable():
        raise _build_invalid(
            path, "has a line break or a control character inside", "write the value on one line"
        )
    return text


def _build_invalid(path: Path, wrong: str, remedy: str) -> Invalid:
    return Invalid(f"the file {path} {wrong}; {remedy}", field=path.name)
