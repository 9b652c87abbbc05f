"""Content codings (RFC 9110, section 8.4): which one a client prefers, and which responses are compressed."""

import re
import zlib
from collections.abc import Sequence
from typing import Protocol

import brotli
import zstandard

from gateway.http.headers import Header, get_first

MIN_BYTES = 1_024
"""Smaller bodies fit in one packet anyway."""
_PREFERENCE = ("zstd", "br", "gzip")
_GZIP_LEVEL, _BROTLI_QUALITY, _ZSTD_LEVEL = 4, 4, 3
_GZIP_WINDOW = 31
"""Of zlib: 32 kB, with the header of gzip."""
_TYPES = re.compile(
    rb"(text/(?!event-stream)[a-z.+-]+|application/([a-z.+-]+\+)?(json|xml)|application/(x-ndjson|jsonl|javascript)"
    rb"|image/svg\+xml)\s*(;|$)",
    re.IGNORECASE,
)
_ETAG_SUFFIX = re.compile(rb';(?:zstd|br|gzip)"')
_ETAG_HEADERS = frozenset({b"if-match", b"if-none-match", b"if-range"})
_FIXED_FORM = frozenset({b"content-encoding", b"content-range"})
_VARY = (b"vary", b"accept-encoding")


class Encoder(Protocol):
    """Compresses a body in parts."""

    def compress(self, data: bytes) -> bytes:
        """May keep data back."""

    def flush(self) -> bytes:
        """All that was kept back, for a client that waits."""

    def finish(self) -> bytes:
        """The end."""


def choose_encoding(accepted: bytes | None) -> str:
    """The coding for an Accept-Encoding; "" for none. The client's weights first, then the best coding."""
    if not accepted:
        return ""
    weights: dict[str, float] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = _parse_weight(parameters)
    weight, best = 0.0, ""
    for name in _PREFERENCE:
        own = weights.get(name, weights.get("*", 0.0) if name == "gzip" else 0.0)
        if own > weight:
            weight, best = own, name
    return best if weight >= weights.get("identity", 0.0) else ""


def is_compressible(headers: Sequence[Header], length: int | None) -> bool:
    """Whether a response of that length (None: unknown) gains by compression and may be changed."""
    if length is not None and length < MIN_BYTES:
        return False
    if (
        get_first(headers, b"content-encoding") is not None
        or get_first(headers, b"content-range") is not None
    ):
        return False
    if b"no-transform" in (get_first(headers, b"cache-control") or b"").lower():
        return False
    return _TYPES.match(get_first(headers, b"content-type") or b"") is not None


def add_vary(headers: Sequence[Header]) -> list[Header]:
    """The headers of a response that depends on Accept-Encoding."""
    names = [value.lower() for name, value in headers if name == b"vary"]
    return list(headers) if any(b"accept-encoding" in value for value in names) else [*headers, _VARY]


def encode_headers(headers: Sequence[Header], encoding: str) -> list[Header]:
    """The headers of the compressed form: its own ETag, no length."""
    suffix = f';{encoding}"'.encode()
    encoded = [
        (name, value[:-1] + suffix if name == b"etag" and value.endswith(b'"') else value)
        for name, value in headers
        if name not in (b"content-length", b"accept-ranges")
    ]
    return [*add_vary(encoded), (b"content-encoding", encoding.encode())]


def strip_etag_suffix(value: bytes) -> bytes:
    """The service's own ETags in a condition that names compressed forms."""
    return _ETAG_SUFFIX.sub(b'"', value)


def restore_etags(headers: Sequence[Header]) -> list[Header]:
    """A request's headers with the service's own ETags."""
    return [
        (name, strip_etag_suffix(value)) if name in _ETAG_HEADERS else (name, value)
        for name, value in headers
    ]


def compress(body: bytes, encoding: str) -> bytes:
    """The whole body in a coding that `choose_encoding` returns."""
    if encoding == "zstd":
        return bytes(zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body))
    if encoding == "br":
        return bytes(brotli.compress(body, quality=_BROTLI_QUALITY))
    return zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW)


def create_encoder(encoding: str) -> Encoder:
    """For a response that is streamed."""
    if encoding == "zstd":
        return _ZstdEncoder()
    return _BrotliEncoder() if encoding == "br" else _GzipEncoder()


class _ZstdEncoder:
    def __init__(self) -> None:
        self._coder = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def compress(self, data: bytes) -> bytes:
        return bytes(self._coder.compress(data))

    def flush(self) -> bytes:
        return bytes(self._coder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    def finish(self) -> bytes:
        return bytes(self._coder.flush())


class _BrotliEncoder:
    def __init__(self) -> None:
        self._coder = brotli.Compressor(quality=_BROTLI_QUALITY)

    def compress(self, data: bytes) -> bytes:
        return bytes(self._coder.process(data))

    def flush(self) -> bytes:
        return bytes(self._coder.flush())

    def finish(self) -> bytes:
        return bytes(self._coder.finish())


class _GzipEncoder:
    def __init__(self) -> None:
        self._coder = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def compress(self, data: bytes) -> bytes:
        return self._coder.compress(data)

    def flush(self) -> bytes:
        return self._coder.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._coder.flush()


def _parse_weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
