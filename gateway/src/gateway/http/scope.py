"""Headers that every answer to a request gets, whoever makes the answer."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from gateway.http.headers import Header

_KEY, _IDENTITY, _USER = "bookstream.answer_headers", "bookstream.identity", "bookstream.user"

Scope = MutableMapping[str, Any]
"""ASGI's; Any: the specification leaves the values open."""


def set_request_ids(scope: Scope, request_id: bytes, traceparent: bytes) -> None:
    """The names under which the request is logged, on both sides; the answer will have them."""
    scope[_IDENTITY] = (request_id, traceparent)
    scope[_USER] = []
    get_response_headers(scope).extend(
        [
            (b"x-request-id", request_id),
            (b"traceparent", traceparent),
            (b"cache-status", b"bookstream; detail=own"),
        ]
    )


def get_request_ids(scope: Scope) -> tuple[bytes, bytes]:
    """Request id and traceparent."""
    found: tuple[bytes, bytes] = scope[_IDENTITY]
    return found


def set_user(scope: Scope, user_id: str) -> None:
    """Whose request it turned out to be, for the log."""
    scope[_USER].append(user_id)


def get_user(scope: Scope) -> str:
    """The user's id; empty for nobody."""
    named: list[str] = scope[_USER]
    return named[-1] if named else ""


def add_response_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """The answer will have them, unless whoever makes it sets the same."""
    get_response_headers(scope).extend(
        (name.lower().encode(), value.encode()) for name, value in headers.items()
    )


def get_response_headers(scope: Scope) -> list[Header]:
    """What has been added so far."""
    found: list[Header] = scope.setdefault(_KEY, [])
    return found
