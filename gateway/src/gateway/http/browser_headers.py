"""What browsers are told beside a response: CORS (Fetch standard) and HSTS (RFC 6797).

Tokens travel in the Authorization header and never in cookies, so no response allows credentials.
"""

from collections.abc import Sequence

from gateway.http.headers import Header, get_first

ANY_ORIGIN = "*"
HSTS: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_EXPOSED = (
    b"age, cache-status, content-disposition, date, etag, link, location, ratelimit, ratelimit-policy, "
    b"retry-after, server-timing, traceparent, www-authenticate, x-request-id"
)
_ALLOWED_HEADERS = (
    b"accept, accept-language, authorization, cache-control, content-type, idempotency-key, if-match, "
    b"if-modified-since, if-none-match, last-event-id, range, traceparent, x-api-key, x-request-id"
)
_ALLOWED_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_PREFLIGHT_SECONDS = b"600"
_VARY: Header = (b"vary", b"origin")
_VARY_PREFLIGHT: Header = (b"vary", b"origin, access-control-request-method, access-control-request-headers")


class BrowserHeaders:
    """`origins` may read responses, such as https://app.example, or `*` for all; none: no CORS at all."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._is_open_to_all = ANY_ORIGIN in origins

    def build(self, headers: Sequence[Header], scheme: str) -> list[Header]:
        """The headers for a response to a request with those headers."""
        found = [HSTS] if scheme == "https" else []
        if self._origins and not self._is_open_to_all:
            found.append(_VARY)
        allowed = self._find_allowed_origin(headers)
        if allowed is not None:
            found += [(b"access-control-allow-origin", allowed), (b"access-control-expose-headers", _EXPOSED)]
        return found

    def build_named(self, headers: Sequence[Header], scheme: str) -> dict[str, str]:
        """The same by name."""
        return {name.decode(): value.decode("latin-1") for name, value in self.build(headers, scheme)}

    def is_preflight(self, method: str, headers: Sequence[Header]) -> bool:
        """Whether the request asks, before authentication, for what CORS permits."""
        is_asking = get_first(headers, b"access-control-request-method") is not None
        return method == "OPTIONS" and is_asking and self._find_allowed_origin(headers) is not None

    def build_preflight(self, headers: Sequence[Header]) -> list[Header]:
        """The headers of the response to a preflight request."""
        allowed = self._find_allowed_origin(headers) or b""
        return [
            (b"access-control-allow-origin", allowed),
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
            _VARY_PREFLIGHT,
        ]

    def _find_allowed_origin(self, headers: Sequence[Header]) -> bytes | None:
        if not self._origins:
            return None
        origins = [value for name, value in headers if name == b"origin"]
        if len(origins) != 1:
            return None
        if self._is_open_to_all:
            return ANY_ORIGIN.encode()
        return origins[0] if origins[0] in self._origins else None
