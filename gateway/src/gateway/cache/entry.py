"""A cached response: a 200 with its body, and everything that can be derived once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from gateway.http.caching import Lifetime, build_strong_etag, parse_vary
from gateway.http.compression import add_vary, compress, encode_headers, is_compressible
from gateway.http.headers import Header, format_lines, get_first

_DERIVED_HEADERS = frozenset({b"content-length", b"etag", b"age", b"cache-status", b"transfer-encoding"})
_HEADERS_304 = frozenset({b"cache-control", b"content-location", b"expires", b"link", b"vary"})
_DEFAULT_CACHE_CONTROL = (b"cache-control", b"private, no-cache")
"""For a response without Cache-Control: clients cache it and revalidate each time."""
_OVERHEAD = 1_000


class Freshness(NamedTuple):
    """When a response was fetched, and how long it can be used.

    `purge_sequence` is that of the request to the service; `stored_at` in monotonic seconds of this process.
    """

    purge_sequence: int
    stored_at: float
    lifetime: Lifetime

    def get_age(self, now: float) -> int:
        """In whole seconds."""
        return max(0, int(now - self.stored_at))

    def get_remaining_ttl(self, now: float) -> int:
        """Seconds; negative when stale."""
        return int(self.lifetime.ttl - self.get_age(now))


class CachedHead:
    """The rendered head of an entry's hits, valid for up to a second.

    `purge_version` is that of the last validity check. From `valid_from` until `valid_until` (monotonic
    seconds) the entry is fresh and its hits begin with `lines`. `encoded` are the entry's compressed forms.
    """

    __slots__ = ("encoded", "lines", "purge_version", "valid_from", "valid_until")

    def __init__(self) -> None:
        self.purge_version = -1
        self.valid_from = self.valid_until = 0.0
        self.lines = b""
        self.encoded: dict[str, CacheEntry] = {}


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """`lines` and `lines_304` are the constant header lines of its 200 and 304 responses.

    With `vary` and no ETag it only names the request headers by which the cached variants differ.
    """

    headers: tuple[Header, ...]
    body: bytes
    etag: bytes
    tags: tuple[str, ...]
    freshness: Freshness
    vary: tuple[str, ...]
    lines: bytes
    lines_304: bytes
    is_vary_entry: bool
    is_compressible: bool
    cached_head: CachedHead = field(default_factory=CachedHead, compare=False, repr=False)

    @property
    def lifetime(self) -> Lifetime:
        return self.freshness.lifetime

    def get_size(self) -> int:
        """Approximate bytes in memory, with room for the compressed forms."""
        return len(self.body) * (1 + self.is_compressible) + 2 * len(self.lines) + _OVERHEAD

    def get_encoded(self, encoding: str) -> "CacheEntry":
        """The entry in a content coding, compressed at its first use; itself where that gains nothing."""
        if not encoding or not self.is_compressible:
            return self
        forms = self.cached_head.encoded
        form = forms.get(encoding)
        if form is None:
            body = compress(self.body, encoding)
            size = len(body) + sum(len(other.body) for other in forms.values() if other is not self)
            form = forms[encoding] = self if size > len(self.body) else self._encode(body, encoding)
        return form

    def _encode(self, body: bytes, encoding: str) -> "CacheEntry":
        headers = tuple(encode_headers(self.headers, encoding))
        return _build(headers, body, self.tags, freshness=self.freshness, vary=self.vary)

    def renew(self, freshness: Freshness) -> "CacheEntry":
        """The same response after a 304."""
        return _build(self.headers, self.body, self.tags, freshness=freshness, vary=self.vary)

    def to_vary_entry(self) -> "CacheEntry":
        """The entry under the plain key of a response that varies."""
        return _build((), b"", self.tags, freshness=self.freshness, vary=self.vary)

    def pack(self, *, wall_offset: float) -> bytes:
        """One line of JSON, then the body; `wall_offset` turns monotonic seconds into those since 1970."""
        header_pairs = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers]
        lifetime = self.lifetime
        times = [lifetime.ttl, lifetime.while_revalidating, lifetime.if_error]
        return (
            orjson.dumps(
                [
                    header_pairs,
                    self.tags,
                    self.freshness.purge_sequence,
                    self.freshness.stored_at + wall_offset,
                    times,
                    self.vary,
                ]
            )
            + b"\n"
            + self.body
        )

    @classmethod
    def unpack(cls, data: bytes, *, wall_offset: float, now: float) -> "CacheEntry":
        """Parses what a process packed; its clock may be ahead, but nothing was stored later than `now`.

        Raises: ValueError for anything else.
        """
        metadata, _, body = data.partition(b"\n")
        try:
            header_pairs, tags, purge_sequence, stored_at, times, vary = orjson.loads(metadata)
            headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in header_pairs)
            stored_at = min(float(stored_at) - wall_offset, now)
            freshness = Freshness(int(purge_sequence), stored_at, Lifetime(*map(float, times)))
            return _build(
                headers, body, tuple(map(str, tags)), freshness=freshness, vary=tuple(map(str, vary))
            )
        except (AttributeError, TypeError) as error:
            raise ValueError(str(error)) from error


def build_entry(
    headers: Sequence[Header], body: bytes, tags: tuple[str, ...], *, freshness: Freshness
) -> CacheEntry:
    """Builds an entry from a service's response; `headers` as filtered for clients."""
    etag = (b"etag", build_strong_etag(headers, body))
    stored_headers = tuple(header for header in headers if header[0] not in _DERIVED_HEADERS)
    return _build((*stored_headers, etag), body, tags, freshness=freshness, vary=parse_vary(headers))


def _build(
    headers: tuple[Header, ...],
    body: bytes,
    tags: tuple[str, ...],
    *,
    freshness: Freshness,
    vary: tuple[str, ...] = (),
) -> CacheEntry:
    sent_headers: Sequence[Header] = (
        headers if get_first(headers, b"cache-control") else (*headers, _DEFAULT_CACHE_CONTROL)
    )
    length = (b"content-length", str(len(body)).encode())
    is_encodable = is_compressible(headers, len(body))
    if is_encodable:
        sent_headers = add_vary(sent_headers)
    headers_304 = [header for header in sent_headers if header[0] in _HEADERS_304 or header[0] == b"etag"]
    etag = get_first(headers, b"etag") or b""
    lines, lines_304 = format_lines([*sent_headers, length]), format_lines(headers_304)
    is_vary_entry = bool(vary) and not etag
    return CacheEntry(
        headers, body, etag, tags, freshness, vary, lines, lines_304, is_vary_entry, is_encodable
    )
