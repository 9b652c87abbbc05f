"""What may be kept, under which key, for how long; when a client's copy is still good (RFC 9110, 9111)."""

from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

from gateway.core.headers import Header, first

_VARY_THAT_CANNOT_MATTER = frozenset({"accept-encoding"})
"""A fill always asks for the plain body, so its encoding never varies."""


def normal_query(query: bytes) -> str:
    """Equal for queries that differ only in order or escaping; repeated names keep their order."""
    text = query.decode("ascii", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    return urlencode(sorted(pairs, key=lambda pair: pair[0]), errors="surrogateescape")


def cache_key(path: str, query: bytes) -> str:
    """Of what a GET asks for. Nothing of the user: readers all get the same."""
    return sha256(f"{path}?{normal_query(query)}".encode()).hexdigest()


def bypasses(headers: list[Header]) -> bool:
    """Whether the client asked for what the cache can't give: a part, or nothing kept."""
    return "no-store" in _directives(headers) or first(headers, b"range") is not None


def wants_fresh(headers: list[Header]) -> bool:
    """Whether the client asked for an answer made now, which may then be kept."""
    return "no-cache" in _directives(headers)


def time_to_live(status: int, headers: list[Header], *, default: float) -> float:
    """Seconds for which a response may be kept; 0 for not at all."""
    directives = _directives(headers)
    if status != 200 or directives.keys() & {"no-store", "no-cache", "private"}:
        return 0.0
    if {b"set-cookie", b"content-encoding"} & {name for name, _ in headers} or _varies(headers):
        return 0.0
    said = directives.get("s-maxage") or directives.get("max-age") or ""
    return min(default, float(said)) if said.isdecimal() else default


def strong_etag(headers: list[Header], body: bytes) -> bytes:
    """The service's own when it is strong, else one made of the body."""
    given = first(headers, b"etag")
    if given and given.startswith(b'"'):
        return given
    return b'"%s"' % sha256(body).hexdigest()[:32].encode()


def is_unchanged(if_none_match: bytes | None, etag: bytes) -> bool:
    """Whether the client's copy is still good; compared weakly, as RFC 9110 asks for GET."""
    if if_none_match is None:
        return False
    named = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return b"*" in named or etag.removeprefix(b"W/") in named


def _directives(headers: list[Header]) -> dict[str, str]:
    text = b",".join(value for name, value in headers if name == b"cache-control").decode("latin-1")
    pairs = (directive.partition("=") for directive in text.lower().split(","))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs if name.strip()}


def _varies(headers: list[Header]) -> bool:
    text = b",".join(value for name, value in headers if name == b"vary").decode("latin-1")
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    return not names <= _VARY_THAT_CANNOT_MATTER
