"""A cached answer: a 200 with its whole body and everything about it that can be worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from gateway.http.caching import Lifetime, build_strong_etag, parse_vary
from gateway.http.headers import Header, get_first

_SET_ANEW = frozenset({b"content-length", b"etag", b"age", b"cache-status", b"transfer-encoding"})
_KEPT_ON_304 = frozenset({b"cache-control", b"content-location", b"expires", b"link", b"vary"})
_ASK_AGAIN = (b"cache-control", b"private, no-cache")
"""What a response says that said nothing: clients keep it and ask whether it is still good."""
_OVERHEAD = 1_000


class Freshness(NamedTuple):
    """When an answer was made, and how long it is of use.

    `ticket` is the purge sequence before the service was asked; `stored_at` is in seconds since 1970.
    """

    purge_sequence: int
    stored_at: float
    lifetime: Lifetime

    def get_age(self, now: float) -> int:
        """In whole seconds."""
        return max(0, int(now - self.stored_at))

    def get_remaining_ttl(self, now: float) -> int:
        """Seconds of being fresh, below zero when stale."""
        return int(self.lifetime.ttl - self.get_age(now))


class CachedHead:
    """What was worked out about an entry a moment ago.

    `purges` is the version that found it good; from `since` until `until` (seconds since 1970) it is fresh,
    and its answers begin with `top`.
    """

    __slots__ = ("lines", "purge_version", "valid_from", "valid_until")

    def __init__(self) -> None:
        self.purge_version = -1
        self.valid_from = self.valid_until = 0.0
        self.lines = b""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """`lines` and `lines_304` are the constant header lines of the two answers that it can give.

    With `vary` it is only a signpost: the answers are kept once for each value of those request headers.
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
    cached_head: CachedHead = field(default_factory=CachedHead, compare=False, repr=False)

    @property
    def lifetime(self) -> Lifetime:
        """How long it is of use."""
        return self.freshness.lifetime

    def get_size(self) -> int:
        """Bytes that it takes in memory, about."""
        return len(self.body) + 2 * len(self.lines) + _OVERHEAD

    def renew(self, known: Freshness) -> "CacheEntry":
        """The same answer, found to be good still."""
        return _build(self.headers, self.body, self.tags, known=known, vary=self.vary)

    def to_vary_entry(self) -> "CacheEntry":
        """What is kept in the place of an answer that varies."""
        return _build((), b"", self.tags, known=self.freshness, vary=self.vary)

    def pack(self) -> bytes:
        """One line of JSON, then the body as it is."""
        text = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers]
        life = self.lifetime
        times = [life.ttl, life.while_revalidating, life.if_error]
        return (
            orjson.dumps(
                [text, self.tags, self.freshness.purge_sequence, self.freshness.stored_at, times, self.vary]
            )
            + b"\n"
            + self.body
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "CacheEntry":
        """The inverse of pack. Raises: ValueError for what pack never made."""
        line, _, body = packed.partition(b"\n")
        try:
            text, tags, ticket, stored_at, times, vary = orjson.loads(line)
            headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in text)
            known = Freshness(int(ticket), float(stored_at), Lifetime(*map(float, times)))
            return _build(headers, body, tuple(map(str, tags)), known=known, vary=tuple(map(str, vary)))
        except (AttributeError, TypeError) as error:
            raise ValueError(str(error)) from error


def build_entry(
    headers: Sequence[Header], body: bytes, tags: tuple[str, ...], *, known: Freshness
) -> CacheEntry:
    """From a service's answer; `headers` as the client may see them."""
    etag = (b"etag", build_strong_etag(headers, body))
    kept = tuple(header for header in headers if header[0] not in _SET_ANEW)
    return _build((*kept, etag), body, tags, known=known, vary=parse_vary(headers))


def _build(
    headers: tuple[Header, ...],
    body: bytes,
    tags: tuple[str, ...],
    *,
    known: Freshness,
    vary: tuple[str, ...] = (),
) -> CacheEntry:
    said = headers if get_first(headers, b"cache-control") else (*headers, _ASK_AGAIN)
    length = (b"content-length", str(len(body)).encode())
    short = [each for each in said if each[0] in _KEPT_ON_304 or each[0] == b"etag"]
    etag = get_first(headers, b"etag") or b""
    lines, lines_304 = _format_lines([*said, length]), _format_lines(short)
    is_signpost = bool(vary) and not etag
    return CacheEntry(headers, body, etag, tags, known, vary, lines, lines_304, is_signpost)


def _format_lines(headers: Sequence[Header]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
