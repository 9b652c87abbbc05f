"""Request ids, the user and common response headers, kept in the ASGI scope."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from gateway.http.client_address import is_forwarded
from gateway.http.headers import Header

_KEY, _IDENTITY, _USER = "bookstream.answer_headers", "bookstream.identity", "bookstream.user"

Scope = MutableMapping[str, Any]
"""ASGI's; Any: the specification leaves the values open."""


def set_request_ids(scope: Scope, request_id: bytes, traceparent: bytes) -> None:
    """Sets the request id and traceparent for logs, services and the response."""
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
    value: tuple[bytes, bytes] = scope[_IDENTITY]
    return value


def set_user(scope: Scope, user_id: str) -> None:
    """Sets the authenticated user, for the access log."""
    scope[_USER].append(user_id)


def get_user(scope: Scope) -> str:
    """The user's id; "" for an anonymous request."""
    named: list[str] = scope[_USER]
    return named[-1] if named else ""


def has_unknown_proxy(scope: Scope) -> bool:
    """Whether a proxy that is not trusted forwarded the request, so that the client's address is unknown.

    Behind a trusted one the connection put the client's own address in the place of the proxy's, with port 0.
    """
    client = scope.get("client") or ("", 0)
    return client[1] != 0 and is_forwarded(scope["headers"])


def add_response_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """Adds headers to the response, unless its endpoint sets the same."""
    get_response_headers(scope).extend(
        (name.lower().encode(), value.encode()) for name, value in headers.items()
    )


def get_response_headers(scope: Scope) -> list[Header]:
    value: list[Header] = scope.setdefault(_KEY, [])
    return value
