"""Words of languages and signs of currencies as TOML, read once."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load_words(name: str) -> Mapping[str, Any]:  # Any: TOML; each file says what it holds
    """The tables of a file of this folder, by its name without `.toml`."""
    return tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))


def list_words(name: str, table: str) -> list[str]:
    """All words of a table that has a list per language."""
    return [word for words in load_words(name)[table].values() for word in words]
