"""Headers that every answer to a request gets, whoever makes the answer."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from gateway.core.headers import Header

_KEY = "bookstream.answer_headers"

Scope = MutableMapping[str, Any]
"""ASGI's; Any: the specification leaves the values open."""


def add_answer_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """The answer will have them, unless whoever makes it sets the same."""
    answer_headers(scope).extend((name.lower().encode(), value.encode()) for name, value in headers.items())


def answer_headers(scope: Scope) -> list[Header]:
    """What has been added so far."""
    found: list[Header] = scope.setdefault(_KEY, [])
    return found
