"""A request's headers with everything that the proxy derives from them."""

from collections.abc import Sequence

from bookcore.kit.auth import HEADER as INTERNAL_TOKEN
from gateway.http.caching import is_cache_bypassed, is_refresh_requested
from gateway.http.compression import choose_encoding, restore_etags, strip_etag_suffix
from gateway.http.headers import (
    REQUEST_ID,
    Header,
    drop_conditions,
    filter_request_headers,
    format_lines,
    get_first,
    validate_host,
    validate_request_id,
)
from gateway.http.trace import TRACEPARENT, TraceContext, parse_traceparent

_BODY = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer"})
_INTERNAL_TOKEN = INTERNAL_TOKEN.lower().encode()
PER_REQUEST_HEADERS = frozenset({REQUEST_ID, TRACEPARENT})
"""Headers that differ in every request."""


class RequestHead:
    """Computed once for each block of headers; the fast path reuses it for later requests."""

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = headers
        self.host = validate_host(get_first(headers, b"host"))
        names = [name for name, _ in headers]
        self.is_simple = _BODY.isdisjoint(names) and names.count(b"host") == 1 and bool(self.host)
        """Whether the request is complete with these headers: no body, no upgrade, one host."""
        self.body_length = _parse_body_length(headers)
        """Of the body in bytes, None for chunked."""
        self.keeps_alive = (get_first(headers, b"connection") or b"").lower() != b"close"
        self.bypasses_cache = is_cache_bypassed(headers)
        self.wants_fresh = is_refresh_requested(headers)
        if_none_match = get_first(headers, b"if-none-match")
        self.if_none_match = None if if_none_match is None else strip_etag_suffix(if_none_match)
        self.encoding = choose_encoding(get_first(headers, b"accept-encoding"))
        """The content coding for the response; "" for none."""
        self.request_id = validate_request_id(get_first(headers, REQUEST_ID))
        self.trace: TraceContext | None = parse_traceparent(get_first(headers, TRACEPARENT))
        self._forward: bytes | None = None  # not cached_property: compiled, it would be computed each time
        self._forward_plain: bytes | None = None

    @property
    def forwarded_lines(self) -> bytes:
        """The header lines that are forwarded to a service."""
        if self._forward is None:
            self._forward = format_lines(restore_etags(filter_request_headers(self.headers)))
        return self._forward

    @property
    def unconditional_lines(self) -> bytes:
        """The same without conditions and ranges: the service sends the complete body."""
        if self._forward_plain is None:
            self._forward_plain = format_lines(drop_conditions(filter_request_headers(self.headers)))
        return self._forward_plain

    def get_credentials(self) -> tuple[bytes | None, bytes | None]:
        """The Authorization and X-API-Key headers."""
        return get_first(self.headers, b"authorization"), get_first(self.headers, b"x-api-key")

    def build_client_lines(self, address: str, scheme: str, *, prefix: str) -> bytes:
        """Forwarded and X-Forwarded-* lines; `prefix` is that of all public paths."""
        bracketed = f"[{address}]" if ":" in address else address
        return (
            f"x-forwarded-for: {address}\r\nx-forwarded-host: {self.host}\r\nx-forwarded-proto: {scheme}\r\n"
            f"x-forwarded-prefix: {prefix}\r\n"
            f'forwarded: for="{bracketed}";host="{self.host}";proto={scheme}\r\n'
        ).encode("latin-1")


def build_identity_lines(internal_token: bytes, request_id: bytes, traceparent: bytes) -> bytes:
    """The internal token, request id and traceparent lines for a service."""
    return b"%b: %b\r\nx-request-id: %b\r\ntraceparent: %b\r\n" % (
        _INTERNAL_TOKEN,
        internal_token,
        request_id,
        traceparent,
    )


def _parse_body_length(headers: Sequence[Header]) -> int | None:
    if get_first(headers, b"transfer-encoding") is not None:
        return None
    length = get_first(headers, b"content-length") or b"0"
    return int(length[:20]) if length.isdigit() else 0
