"""What may be kept, under which key, for how long; when a client's copy is good (RFC 9110, 9111, 5861)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

from gateway.http.headers import Header, get_first

_VARY_THAT_CANNOT_MATTER = frozenset({"accept-encoding"})
"""A fill always asks for the plain body, so its encoding never varies."""
_VARY_BY_USER = frozenset({"*", "authorization", "cookie", "x-internal-token"})


@dataclass(frozen=True, slots=True)
class Lifetime:
    """In seconds: fresh for `ttl`, then usable while somebody asks anew, or when nobody answers."""

    ttl: float
    while_revalidating: float = 0.0
    if_error: float = 0.0


NOT_CACHEABLE = Lifetime(0.0)


def normalize_query(query: bytes) -> str:
    """Equal for queries that differ only in order or escaping; repeated names keep their order."""
    text = query.decode("ascii", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    return urlencode(sorted(pairs, key=lambda pair: pair[0]), errors="surrogateescape")


def build_cache_key(path: str, query: bytes) -> str:
    """Of what a GET asks for. Nothing of the user: readers all get the same."""
    return sha256(f"{path}?{normalize_query(query)}".encode()).hexdigest()


def build_variant_key(key: str, names: Sequence[str], headers: Sequence[Header]) -> str:
    """Of one variant among those that differ by the request headers named."""
    values = b"\n".join(get_first(headers, name.encode()) or b"" for name in names)
    return f"{key}:{sha256(values).hexdigest()[:32]}"


def bypasses_cache(headers: Sequence[Header]) -> bool:
    """Whether the client asked for what the cache can't give: a part, or nothing kept."""
    return "no-store" in _directives(headers) or get_first(headers, b"range") is not None


def wants_fresh(headers: Sequence[Header]) -> bool:
    """Whether the client asked for an answer made now, which may then be kept."""
    found = _directives(headers)
    return "no-cache" in found or found.get("max-age") == "0"


def compute_lifetime(status: int, headers: Sequence[Header], *, most: Lifetime) -> Lifetime:
    """For how long a response may be kept: what it says itself, at most `most`."""
    said = _directives(headers)
    if status != 200 or said.keys() & {"no-store", "no-cache", "private"}:
        return NOT_CACHEABLE
    names = {name for name, _ in headers}
    if {b"set-cookie", b"content-encoding"} & names or _VARY_BY_USER & {*parse_vary(headers)}:
        return NOT_CACHEABLE
    ttl = min(most.ttl, _seconds(said, "s-maxage", "max-age", default=most.ttl))
    if said.keys() & {"must-revalidate", "proxy-revalidate"} or ttl <= 0:
        return Lifetime(ttl)
    return Lifetime(
        ttl,
        min(
            most.while_revalidating, _seconds(said, "stale-while-revalidate", default=most.while_revalidating)
        ),
        min(most.if_error, _seconds(said, "stale-if-error", default=most.if_error)),
    )


def parse_vary(headers: Sequence[Header]) -> tuple[str, ...]:
    """The request headers by which the response differs, in order, less what can't matter here."""
    text = b",".join(value for name, value in headers if name == b"vary").decode("latin-1")
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    return tuple(sorted(names - _VARY_THAT_CANNOT_MATTER))


def build_strong_etag(headers: Sequence[Header], body: bytes) -> bytes:
    """The service's own when it is strong, else one made of the body."""
    given = get_first(headers, b"etag")
    if given and given.startswith(b'"'):
        return given
    return b'"%s"' % sha256(body).hexdigest()[:32].encode()


def matches_etag(if_none_match: bytes | None, etag: bytes) -> bool:
    """Whether the client's copy is still good; compared weakly, as RFC 9110 asks for GET."""
    if if_none_match is None:
        return False
    named = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return b"*" in named or etag.removeprefix(b"W/") in named


def _seconds(directives: dict[str, str], *names: str, default: float) -> float:
    said = next((directives[name] for name in names if name in directives), "")
    return float(said[:10]) if said.isascii() and said.isdecimal() else default


def _directives(headers: Sequence[Header]) -> dict[str, str]:
    text = b",".join(value for name, value in headers if name == b"cache-control").decode("latin-1")
    pairs = (directive.partition("=") for directive in text.lower().split(","))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs if name.strip()}
