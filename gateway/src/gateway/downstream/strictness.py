"""Refuses requests that a proxy and a service could read differently (RFC 9112, request smuggling)."""

import re
from collections.abc import Sequence

from gateway.http.headers import Header, validate_host
from gateway.http.request_head import RequestHead

TARGET_TOO_LONG = ("target-too-long", "the request target is too long")
HEAD_TOO_LARGE = ("head-too-large", "the request headers are too large")
ADDRESS_LIMITED = "this network address sends too many requests; wait a second"
UNLIMITED_TARGETS = frozenset({b"/health/live", b"/health/ready", b"/metrics"})
"""Never limited by address: who is limited must not look dead to whoever watches the gateway."""
_VERSIONS = frozenset({"1.0", "1.1"})
_ABSOLUTE = re.compile(rb"(https?)://([^/?#@]+)(/[^#]*|\?[^#]*)?", re.IGNORECASE)


def measure_headers(headers: Sequence[Header]) -> int:
    """Bytes of all names and values."""
    return sum(len(name) + len(value) for name, value in headers)


def resolve_target(target: bytes, headers: list[Header], *, scheme: str, is_host_needed: bool) -> bytes:
    """The path and query of an absolute target, whose authority replaces Host in `headers` (RFC 9112, 3.2.2).

    A target of another scheme, with a user, or of another form stays as it is, and is refused later; so is an
    HTTP/1.1 request, `is_host_needed`, without Host.
    """
    match = _ABSOLUTE.fullmatch(target)
    if match is None or match[1].lower() != scheme.encode() or not validate_host(match[2]):
        return target
    if not is_host_needed and all(name != b"host" for name, _ in headers):
        headers.append((b"host", match[2]))
    headers[:] = [(name, match[2] if name == b"host" else value) for name, value in headers]
    path: bytes = match[3] or b"/"
    return path if path.startswith(b"/") else b"/" + path


def find_violation(head: RequestHead, target: bytes, http_version: str) -> str | None:
    """What makes the request ambiguous, for the client; None when nothing does."""
    if http_version not in _VERSIONS:
        return "the HTTP version must be 1.0 or 1.1"
    hosts = [value for name, value in head.headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and http_version == "1.1") or (hosts and not head.host):
        return "send one Host header that names a host"
    codings = [value.lower() for name, value in head.headers if name == b"transfer-encoding"]
    if codings and http_version == "1.0":
        return "a body of HTTP/1.0 can't be chunked; send Content-Length"
    if any(coding != b"chunked" for coding in codings):
        return "the only supported transfer coding is chunked"
    if not target.startswith(b"/") or b"#" in target:
        return "the request target must be a path, or an address of this connection's scheme"
    return None
