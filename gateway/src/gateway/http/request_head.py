"""The headers of a request, read once: what the data plane asks of them, ready for use."""

from collections.abc import Sequence

from bookcore.kit.auth import HEADER as INTERNAL_TOKEN
from gateway.http.caching import bypasses, wants_fresh
from gateway.http.headers import (
    REQUEST_ID,
    Header,
    first,
    forwardable,
    sane_host,
    sane_request_id,
    unconditional,
)
from gateway.http.trace import TRACEPARENT, Trace, trace_in

_BODY = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer"})
_INTERNAL_TOKEN = INTERNAL_TOKEN.lower().encode()
ONE_OFF = frozenset({REQUEST_ID, TRACEPARENT})
"""Headers that are new with each request."""


class Head:
    """Computed once for each block of headers, however many requests come with it."""

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = headers
        self.host = sane_host(first(headers, b"host"))
        names = [name for name, _ in headers]
        self.is_plain = _BODY.isdisjoint(names) and names.count(b"host") == 1 and bool(self.host)
        """Whether nothing but these headers belongs to the request."""
        self.length = _length_of(headers)
        """Of the body in bytes, None for chunks."""
        self.keeps_alive = (first(headers, b"connection") or b"").lower() != b"close"
        self.bypasses_cache = bypasses(headers)
        self.wants_fresh = wants_fresh(headers)
        self.if_none_match = first(headers, b"if-none-match")
        self.request_id = sane_request_id(first(headers, REQUEST_ID))
        self.trace: Trace | None = trace_in(first(headers, TRACEPARENT))
        self._forward: bytes | None = None  # not cached_property: compiled, it would be made anew each time
        self._forward_plain: bytes | None = None

    @property
    def forward(self) -> bytes:
        """The lines that a service gets of them."""
        if self._forward is None:
            self._forward = _lines(forwardable(self.headers))
        return self._forward

    @property
    def forward_plain(self) -> bytes:
        """The same without what would make the service answer with less than the whole plain body."""
        if self._forward_plain is None:
            self._forward_plain = _lines(unconditional(forwardable(self.headers)))
        return self._forward_plain

    def credentials(self) -> tuple[bytes | None, bytes | None]:
        """The Authorization and X-API-Key headers."""
        return first(self.headers, b"authorization"), first(self.headers, b"x-api-key")

    def stamp(self, address: str, scheme: str, *, prefix: str) -> bytes:
        """What only the gateway may say of the client; `prefix` is that of all public paths."""
        bracketed = f"[{address}]" if ":" in address else address
        return (
            f"x-forwarded-for: {address}\r\nx-forwarded-host: {self.host}\r\nx-forwarded-proto: {scheme}\r\n"
            f"x-forwarded-prefix: {prefix}\r\n"
            f'forwarded: for="{bracketed}";host="{self.host}";proto={scheme}\r\n'
        ).encode("latin-1")


def identity_lines(internal_token: bytes, request_id: bytes, traceparent: bytes) -> bytes:
    """Who asks, and the names under which both sides log it."""
    return b"%b: %b\r\nx-request-id: %b\r\ntraceparent: %b\r\n" % (
        _INTERNAL_TOKEN,
        internal_token,
        request_id,
        traceparent,
    )


def _length_of(headers: Sequence[Header]) -> int | None:
    if first(headers, b"transfer-encoding") is not None:
        return None
    said = first(headers, b"content-length") or b"0"
    return int(said[:20]) if said.isdigit() else 0


def _lines(headers: Sequence[Header]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
