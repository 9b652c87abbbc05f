"""Which headers pass the gateway, in which direction, and which it sets anew."""

import re
from collections.abc import Iterable, Sequence

Header = tuple[bytes, bytes]
"""Lower-case name, value; as ASGI has them."""

REQUEST_ID = b"x-request-id"
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OURS_TO_SAY = (b"x-user-", b"x-internal-", b"x-forwarded-")
_REQUEST_ONLY = frozenset(
    {
        b"host",
        b"content-length",
        b"authorization",
        b"x-api-key",
        b"cookie",
        b"expect",
        b"forwarded",
        b"x-real-ip",
        REQUEST_ID,
        b"traceparent",
    }
)
_RESPONSE_ONLY = frozenset({b"server", b"date", REQUEST_ID, b"traceparent"})
_NOT_FOR_CLIENTS = _HOP_BY_HOP | _RESPONSE_ONLY
_ADDRESSES = frozenset({b"location", b"link"})
_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"if-range", b"range", b"accept-encoding"})
_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")
_LINK_TARGET = re.compile(rb"<(/[^>]*)>")


def get_first(headers: Iterable[Header], name: bytes) -> bytes | None:
    """The value of the first header of that name."""
    return next((value for found, value in headers if found == name), None)


def parse_lines(lines: bytes) -> list[Header]:
    """The inverse of writing `name: value` lines."""
    found = (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])
    return [(name, value) for name, _, value in found]


def validate_host(value: bytes | None) -> str:
    """The Host header when it can be repeated in a header safely, else nothing."""
    return value.decode() if value and _HOST.fullmatch(value) else ""


def is_valid_request_id(value: bytes | None) -> bool:
    """Whether a client's request id may go into logs and answers as it is."""
    return value is not None and _SANE_REQUEST_ID.fullmatch(value) is not None


def validate_request_id(value: bytes | None) -> bytes | None:
    """A client's request id when it can go into logs and answers as it is, else nothing."""
    return value if is_valid_request_id(value) else None


def filter_request_headers(headers: Sequence[Header]) -> list[Header]:
    """A request's headers less what only the gateway may say, or what ends at it."""
    dropped = _HOP_BY_HOP | _REQUEST_ONLY | _named_in_connection(headers)
    return [(name, value) for name, value in headers if name not in dropped and not _is_forgeable(name)]


def drop_conditions(headers: Sequence[Header]) -> list[Header]:
    """Without what would make a service answer with less than the whole plain body; for filling the cache."""
    return [(name, value) for name, value in headers if name not in _CONDITIONS]


def filter_response_headers(headers: Sequence[Header], prefix: bytes) -> list[Header]:
    """A service's response headers for the client; its own paths get the public `prefix`."""
    shown = []
    for header in headers:
        name = header[0]
        if name == b"connection":
            return filter_response_headers(_without(headers, _named_in_connection(headers) | {name}), prefix)
        if name in _NOT_FOR_CLIENTS or name.startswith(b"x-internal-"):
            continue
        shown.append((name, _public(name, header[1], prefix)) if name in _ADDRESSES else header)
    return shown


def _without(headers: Sequence[Header], names: frozenset[bytes]) -> list[Header]:
    return [header for header in headers if header[0] not in names]


def closes_connection(headers: Sequence[Header]) -> bool:
    """Whether the sender closes the connection behind this message."""
    return b"close" in _named_in_connection(headers)


def _named_in_connection(headers: Sequence[Header]) -> frozenset[bytes]:
    values = (value for name, value in headers if name == b"connection")
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))


def _is_forgeable(name: bytes) -> bool:
    return b"_" in name or name.startswith(_OURS_TO_SAY)  # some servers read X_User as X-User


def _public(name: bytes, value: bytes, prefix: bytes) -> bytes:
    if name == b"location":
        return _prefixed(value, prefix)
    if name == b"link":
        return _LINK_TARGET.sub(lambda match: b"<" + _prefixed(match[1], prefix) + b">", value)
    return value


def _prefixed(address: bytes, prefix: bytes) -> bytes:
    is_own_path = address.startswith(b"/") and not address.startswith((b"//", prefix + b"/"))
    return prefix + address if is_own_path else address
