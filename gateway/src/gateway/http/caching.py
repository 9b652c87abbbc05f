"""Caching rules: keys, lifetimes, validators (RFC 9110, 9111, 5861)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

from gateway.http.headers import Header, get_first

_VARY_THAT_CANNOT_MATTER = frozenset({"accept-encoding"})
"""A cache fill always asks for the plain body, so the encoding never varies."""
_VARY_BY_USER = frozenset({"*", "authorization", "cookie", "x-internal-token"})


@dataclass(frozen=True, slots=True)
class Lifetime:
    """In seconds: fresh for `ttl`, then usable while revalidating, or when the service fails."""

    ttl: float
    while_revalidating: float = 0.0
    if_error: float = 0.0


NOT_CACHEABLE = Lifetime(0.0)


def normalize_query(query: bytes) -> str:
    """Sorts parameters and normalizes escapes; repeated names keep their order."""
    text = query.decode("ascii", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    return urlencode(sorted(pairs, key=lambda pair: pair[0]), errors="surrogateescape")


def build_cache_key(path: str, query: bytes) -> str:
    """The key of a GET; independent of the user, since all readers get the same response."""
    return sha256(f"{path}?{normalize_query(query)}".encode()).hexdigest()


def build_variant_key(key: str, names: Sequence[str], headers: Sequence[Header]) -> str:
    """The key of a variant; `names` are the request headers of Vary."""
    values = b"\n".join(get_first(headers, name.encode()) or b"" for name in names)
    return f"{key}:{sha256(values).hexdigest()[:32]}"


def is_cache_bypassed(headers: Sequence[Header]) -> bool:
    """Whether the client sent `no-store` or a Range."""
    return "no-store" in _parse_cache_control(headers) or get_first(headers, b"range") is not None


def is_refresh_requested(headers: Sequence[Header]) -> bool:
    """Whether the client sent `no-cache` or `max-age=0`: the cache is refilled."""
    directives = _parse_cache_control(headers)
    return "no-cache" in directives or directives.get("max-age") == "0"


def compute_lifetime(status: int, headers: Sequence[Header], *, limit: Lifetime) -> Lifetime:
    """How long a response may be cached: as its Cache-Control says, at most `most`."""
    directives = _parse_cache_control(headers)
    if status != 200 or directives.keys() & {"no-store", "no-cache", "private"}:
        return NOT_CACHEABLE
    names = {name for name, _ in headers}
    if {b"set-cookie", b"content-encoding"} & names or _VARY_BY_USER & {*parse_vary(headers)}:
        return NOT_CACHEABLE
    ttl = min(limit.ttl, _read_seconds(directives, "s-maxage", "max-age", default=limit.ttl))
    if directives.keys() & {"must-revalidate", "proxy-revalidate"} or ttl <= 0:
        return Lifetime(ttl)
    return Lifetime(
        ttl,
        min(
            limit.while_revalidating,
            _read_seconds(directives, "stale-while-revalidate", default=limit.while_revalidating),
        ),
        min(limit.if_error, _read_seconds(directives, "stale-if-error", default=limit.if_error)),
    )


def parse_vary(headers: Sequence[Header]) -> tuple[str, ...]:
    """The names in Vary, sorted, without those that can't matter here."""
    text = b",".join(value for name, value in headers if name == b"vary").decode("latin-1")
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    return tuple(sorted(names - _VARY_THAT_CANNOT_MATTER))


def build_strong_etag(headers: Sequence[Header], body: bytes) -> bytes:
    """The service's ETag when it is strong, else a hash of the body."""
    etag = get_first(headers, b"etag")
    if etag and etag.startswith(b'"'):
        return etag
    return b'"%s"' % sha256(body).hexdigest()[:32].encode()


def matches_etag(if_none_match: bytes | None, etag: bytes) -> bool:
    """Whether If-None-Match names the ETag; weak comparison, as RFC 9110 requires for GET."""
    if if_none_match is None:
        return False
    named = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return b"*" in named or etag.removeprefix(b"W/") in named


def _read_seconds(directives: dict[str, str], *names: str, default: float) -> float:
    value = next((directives[name] for name in names if name in directives), "")
    return float(value[:10]) if value.isascii() and value.isdecimal() else default


def _parse_cache_control(headers: Sequence[Header]) -> dict[str, str]:
    text = b",".join(value for name, value in headers if name == b"cache-control").decode("latin-1")
    pairs = (directive.partition("=") for directive in text.lower().split(","))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs if name.strip()}
