"""One request and its response, whichever server received it."""

from collections.abc import Sequence
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import AuthenticatedCaller
from gateway.cache.entry import CacheEntry
from gateway.cache.response_cache import RateLimitResult
from gateway.http.compression import Encoder, add_vary, create_encoder, encode_headers, is_compressible
from gateway.http.headers import Header, get_first
from gateway.http.request_head import RequestHead
from gateway.http.trace import TraceContext
from gateway.routing.match import RouteMatch
from gateway.upstream.messages import ResponseSource

UNCOUNTED = RateLimitResult(1, 0, 0, 0, -1)


class ExchangeClient(Protocol):
    """The client's connection."""

    def find_address(self, head: RequestHead) -> str:
        """The client's network address, also behind a trusted proxy."""

    def build_client_lines(self, head: RequestHead) -> bytes:
        """The header lines about the client that services receive: Forwarded, X-Forwarded-*."""


class Exchange:
    """Responds by `send_entry`; by `start_response`, chunks and `end_response`; or by an error.

    `note` is the part of Cache-Status after the name of the cache. `cache_key` is where the response is
    cached, "" for nowhere. `source` is what the response comes from, for backpressure and cancellation.
    """

    __slots__ = (
        "auth",
        "cache_key",
        "client",
        "encoder",
        "head",
        "is_disconnected",
        "match",
        "rate_limit",
        "request_id",
        "source",
        "started",
        "trace",
        "traceparent",
    )

    client: ExchangeClient
    method = "GET"

    def __init__(self, match: RouteMatch, head: RequestHead, auth: AuthenticatedCaller) -> None:
        self.match, self.head, self.auth = match, head, auth
        self.cache_key = match.cache_key
        self.rate_limit = UNCOUNTED
        self.source: ResponseSource | None = None
        self.encoder: Encoder | None = None
        """Compresses a streamed response."""
        self.is_disconnected = False
        self.request_id = self.traceparent = b""
        self.trace: TraceContext | None = None
        """The client's."""
        self.started = 0.0

    def disconnect(self) -> None:
        """The client disconnected: cancels what is under way."""
        self.is_disconnected = True
        if self.source is not None:
            self.source.cancel()

    def start_encoding(self, status: int, headers: Sequence[Header]) -> Sequence[Header]:
        """The headers to send; sets `encoder` when the response gains by a coding that the client accepts."""
        length = get_first(headers, b"content-length")
        if not 200 <= status < 300 or not is_compressible(headers, None if length is None else int(length)):
            return headers
        if not self.head.encoding:
            return add_vary(headers)
        self.encoder = create_encoder(self.head.encoding)
        return encode_headers(headers, self.head.encoding)

    def send_hit(self, entry: CacheEntry, now: float) -> None:
        """Sends a cached response; `now` in monotonic seconds."""
        age, ttl = entry.freshness.get_age(now), entry.freshness.get_remaining_ttl(now)
        self.send_entry(entry, b"hit; ttl=%d" % ttl, age=age)

    def send_entry(self, entry: CacheEntry, note: bytes, *, age: int) -> None:
        """Sends a complete response, 304 when the client's copy matches; `age` -1 for no Age header."""
        raise NotImplementedError

    def start_response(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        """Sends the head; the body follows in chunks."""
        raise NotImplementedError

    def send_chunk(self, data: bytes) -> None:
        """Sends a part of the body."""
        raise NotImplementedError

    def end_response(self) -> None:
        """The body is complete."""
        raise NotImplementedError

    def flush(self) -> None:
        """Writes what is buffered."""
        raise NotImplementedError

    def send_error(self, problem: ProblemError) -> None:
        """Sends a problem; after a response's head it aborts, so that the response does not look complete."""
        raise NotImplementedError

    def restart(self) -> None:
        """The cached caller is no longer valid: authenticates again."""
        raise NotImplementedError
