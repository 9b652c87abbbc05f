"""Which headers the gateway forwards, in which direction, and which it sets itself."""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address

from bookcore.kit.problem import PROTECTIVE_HEADERS as PROTECTIVE

Header = tuple[bytes, bytes]
"""Lower-case name and value."""

REQUEST_ID = b"x-request-id"
PROTECTIVE_HEADERS: tuple[Header, ...] = tuple(
    (name.lower().encode(), value.encode()) for name, value in PROTECTIVE.items()
)
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
        b"accept-encoding",
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
_RESPONSE_ONLY = frozenset({b"server", b"date", REQUEST_ID, b"traceparent", b"x-content-type-options"})
_DROPPED_FROM_RESPONSE = _HOP_BY_HOP | _RESPONSE_ONLY
ADDRESS_HEADERS = frozenset({b"location", b"content-location", b"link"})
_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"if-range", b"range"})
_VALID_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")
_LINK_TARGET = re.compile(rb"<([^>]*)>")
_ORIGIN = re.compile(rb"(?:https?:)?//([^/?#]*)", re.IGNORECASE)
_INNER_SUFFIXES = (".internal", ".local", ".localhost", ".lan", ".svc", ".home.arpa", ".localdomain")


def get_first(headers: Iterable[Header], name: bytes) -> bytes | None:
    """The value of the first header of that name."""
    return next((value for header_name, value in headers if header_name == name), None)


def parse_lines(lines: bytes) -> list[Header]:
    """Parses `name: value` lines."""
    header_name = (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])
    return [(name, value) for name, _, value in header_name]


def format_lines(headers: Iterable[Header]) -> bytes:
    """`name: value` lines."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


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
    """Drops conditions and ranges, for a cache fill."""
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
        if name in ADDRESS_HEADERS:
            header = (name, replace_addresses(header, lambda address: _make_public(address, prefix)))
        public_headers.append(header)
    names = {name for name, _ in public_headers}
    return [*public_headers, *(header for header in PROTECTIVE_HEADERS if header[0] not in names)]


def replace_addresses(header: Header, replace: Callable[[bytes], bytes]) -> bytes:
    """The value of an address header with each of its addresses replaced."""
    name, value = header
    if name == b"link":
        return _LINK_TARGET.sub(lambda match: b"<" + replace(match[1]) + b">", value)
    return replace(value)


def strip_origin(address: bytes, host: bytes, prefix: bytes) -> bytes:
    """The path of an address at `host`, without the `prefix` of all its paths; any other address as it is.

    A path that begins with several slashes would name another host: one is left.
    """
    origin = _ORIGIN.match(address)
    if origin is None or origin[1].lower() != host.lower():
        return address
    path = address[origin.end() :].removeprefix(prefix)
    return b"/" + path.lstrip(b"/\\")


def _drop_headers(headers: Sequence[Header], names: frozenset[bytes]) -> list[Header]:
    return [header for header in headers if header[0] not in names]


def is_connection_closing(headers: Sequence[Header]) -> bool:
    """Whether the sender closes the connection after this message."""
    return b"close" in _parse_connection(headers)


def list_tokens(headers: Sequence[Header], name: bytes) -> frozenset[bytes]:
    """The comma-separated tokens of all headers of that name, in lower case."""
    values = (value for header_name, value in headers if header_name == name)
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))


def _parse_connection(headers: Sequence[Header]) -> frozenset[bytes]:
    return list_tokens(headers, b"connection")


def _is_forgeable(name: bytes) -> bool:
    return b"_" in name or name.startswith(_RESERVED_PREFIXES)  # some servers read X_User as X-User


def _make_public(address: bytes, prefix: bytes) -> bytes:
    """A path with the public prefix, also for an address with an inner host; other addresses unchanged."""
    origin = _ORIGIN.match(address)
    if origin is not None and _is_inner(origin[1]):
        address = strip_origin(address, origin[1], b"")
    is_own_path = address.startswith(b"/") and not address.startswith((b"//", prefix + b"/"))
    return prefix + address if is_own_path else address


def _is_inner(authority: bytes) -> bool:
    """Whether no client outside can use it: a single name, a private address, an inner domain."""
    host = authority.rpartition(b"@")[2].lower().decode("latin-1")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].rstrip(".")
    try:
        return not ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith(_INNER_SUFFIXES)
