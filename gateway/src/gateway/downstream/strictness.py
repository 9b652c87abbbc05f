"""Refuses requests that a proxy and a service could read differently (RFC 9112, request smuggling)."""

from collections.abc import Sequence

from gateway.http.headers import Header
from gateway.http.request_head import RequestHead

TARGET_TOO_LONG = ("target-too-long", "the request target is too long")
HEAD_TOO_LARGE = ("head-too-large", "the request headers are too large")
ADDRESS_LIMITED = "this network address sends too many requests; wait a second"


def measure_headers(headers: Sequence[Header]) -> int:
    """Bytes of all names and values."""
    return sum(len(name) + len(value) for name, value in headers)


def find_violation(head: RequestHead, target: bytes, http_version: str) -> str | None:
    """What makes the request ambiguous, for the client; None when nothing does."""
    hosts = [value for name, value in head.headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and http_version == "1.1") or (hosts and not head.host):
        return "send one Host header that names a host"
    if any(n == b"transfer-encoding" and v.lower() != b"chunked" for n, v in head.headers):
        return "the only supported transfer coding is chunked"
    if not target.startswith(b"/") or b"#" in target:
        return "the request target must begin with /"
    return None
