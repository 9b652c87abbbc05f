"""Which headers the gateway forwards, in which direction, and which it sets itself."""

import re
from collections.abc import Iterable, Sequence

Header = tuple[bytes, bytes]
"""Lower-case name and value."""

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
_RESERVED_PREFIXES = (b"x-user-", b"x-internal-", b"x-forwarded-")
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
_DROPPED_FROM_RESPONSE = _HOP_BY_HOP | _RESPONSE_ONLY
_ADDRESSES = frozenset({b"location", b"link"})
_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"if-range", b"range", b"accept-encoding"})
_VALID_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")
_LINK_TARGET = re.compile(rb"<(/[^>]*)>")


def get_first(headers: Iterable[Header], name: bytes) -> bytes | None:
    """The value of the first header of that name."""
    return next((value for header_name, value in headers if header_name == name), None)


def parse_lines(lines: bytes) -> list[Header]:
    """Parses `name: value` lines."""
    header_name = (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])
    return [(name, value) for name, _, value in header_name]


def validate_host(value: bytes | None) -> str:
    """The Host header when it is safe to repeat in a header line, else ""."""
    return value.decode() if value and _HOST.fullmatch(value) else ""


def is_valid_request_id(value: bytes | None) -> bool:
    """Whether a client's request id is safe for logs and headers."""
    return value is not None and _VALID_REQUEST_ID.fullmatch(value) is not None


def validate_request_id(value: bytes | None) -> bytes | None:
    """A client's request id when it is safe for logs and headers, else None."""
    return value if is_valid_request_id(value) else None


def filter_request_headers(headers: Sequence[Header]) -> list[Header]:
    """Drops hop-by-hop headers and those that only the gateway may set."""
    dropped = _HOP_BY_HOP | _REQUEST_ONLY | _parse_connection(headers)
    return [(name, value) for name, value in headers if name not in dropped and not _is_forgeable(name)]


def drop_conditions(headers: Sequence[Header]) -> list[Header]:
    """Drops conditions, ranges and encodings, for a cache fill."""
    return [(name, value) for name, value in headers if name not in _CONDITIONS]


def filter_response_headers(headers: Sequence[Header], prefix: bytes) -> list[Header]:
    """A service's response headers for the client; its own paths get the public `prefix`."""
    public_headers = []
    for header in headers:
        name = header[0]
        if name == b"connection":
            return filter_response_headers(
                _drop_headers(headers, _parse_connection(headers) | {name}), prefix
            )
        if name in _DROPPED_FROM_RESPONSE or name.startswith(b"x-internal-"):
            continue
        public_headers.append((name, _add_prefix(name, header[1], prefix)) if name in _ADDRESSES else header)
    return public_headers


def _drop_headers(headers: Sequence[Header], names: frozenset[bytes]) -> list[Header]:
    return [header for header in headers if header[0] not in names]


def is_connection_closing(headers: Sequence[Header]) -> bool:
    """Whether the sender closes the connection after this message."""
    return b"close" in _parse_connection(headers)


def _parse_connection(headers: Sequence[Header]) -> frozenset[bytes]:
    values = (value for name, value in headers if name == b"connection")
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))


def _is_forgeable(name: bytes) -> bool:
    return b"_" in name or name.startswith(_RESERVED_PREFIXES)  # some servers read X_User as X-User


def _add_prefix(name: bytes, value: bytes, prefix: bytes) -> bytes:
    if name == b"location":
        return _add_path_prefix(value, prefix)
    if name == b"link":
        return _LINK_TARGET.sub(lambda match: b"<" + _add_path_prefix(match[1], prefix) + b">", value)
    return value


def _add_path_prefix(address: bytes, prefix: bytes) -> bytes:
    is_own_path = address.startswith(b"/") and not address.startswith((b"//", prefix + b"/"))
    return prefix + address if is_own_path else address
