"""Writes gateway/src/gateway/auth/common_passwords.txt from the lists of Django (BSD) and zxcvbn (MIT).

    pip download --no-deps django==5.2.19 zxcvbn==4.5.0
    python -m deploy.common_passwords django-5.2.19-py3-none-any.whl zxcvbn-4.5.0-py2.py3-none-any.whl

Kept are all passwords of 12 and more characters, and the 5,000 most used words of 4 to 11, which longer
passwords are made of.
"""

import ast
import gzip
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

TARGET = Path(__file__).parents[1] / "gateway/src/gateway/auth/common_passwords.txt"
_SHORTEST, _SHORTEST_WORD = 12, 4
_WORDS = 5_000
_HEAD = (
    "# Common passwords, in lower case. Made by deploy/common_passwords.py from:",
    "# Django 5.2.19, django/contrib/auth/common-passwords.txt.gz by Royce Williams (BSD-3-Clause)",
    "# zxcvbn 4.5.0, zxcvbn/frequency_lists.py, Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc. (MIT)",
)


def read_django(wheel: Path) -> Sequence[str]:
    """The most used first."""
    with ZipFile(wheel) as archive:
        packed = archive.read("django/contrib/auth/common-passwords.txt.gz")
    return gzip.decompress(packed).decode().split()


def read_zxcvbn(wheel: Path) -> Sequence[str]:
    """The most used first."""
    with ZipFile(wheel) as archive:
        source = archive.read("zxcvbn/frequency_lists.py").decode()
    texts = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return next(text for text in texts if isinstance(text, str) and text.startswith("123456,")).split(",")


def select_lines(lists: Sequence[Sequence[str]]) -> Sequence[str]:
    """Whole passwords and words, each sorted."""
    whole = {word.casefold() for words in lists for word in words if len(word) >= _SHORTEST}
    words = [
        word.casefold()
        for word in lists[-1]
        if _SHORTEST_WORD <= len(word) < _SHORTEST and word.isalpha() and word.isascii()
    ]
    return [*sorted(whole), *sorted(words[:_WORDS])]


if __name__ == "__main__":
    django, zxcvbn = (Path(argument) for argument in sys.argv[1:])
    lines = select_lines([read_django(django), read_zxcvbn(zxcvbn)])
    TARGET.write_text("\n".join((*_HEAD, *lines)) + "\n")
