"""One request on its way through the data plane, whichever server brought it."""

from collections.abc import Sequence
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import Known
from gateway.cache.entry import CacheEntry
from gateway.cache.response_cache import RateLimitResult
from gateway.http.headers import Header
from gateway.http.request_head import RequestHead
from gateway.routing.match import RouteMatch
from gateway.upstream.messages import ResponseSource

UNCOUNTED = RateLimitResult(1, 0, 0, 0, -1)


class ExchangeClient(Protocol):
    """The other end of a client's connection; `stamp_of` gives what a service is told of it."""

    def build_client_lines(self, head: RequestHead) -> bytes:
        """The lines that only the gateway may say."""


class Exchange:
    """The request, who asks, and the ways to answer: whole at once, or begin, chunks, end; or fail.

    `note` is what Cache-Status says behind the name of the cache. `key` is where the answer is kept.
    """

    __slots__ = (
        "auth",
        "cache_key",
        "client",
        "head",
        "is_disconnected",
        "match",
        "rate_limit",
        "request_id",
        "source",
        "started",
        "traceparent",
    )

    client: ExchangeClient
    method = "GET"

    def __init__(self, match: RouteMatch, head: RequestHead, auth: Known) -> None:
        self.match, self.head, self.auth = match, head, auth
        self.cache_key = match.cache_key
        self.rate_limit = UNCOUNTED
        self.source: ResponseSource | None = None
        self.is_disconnected = False
        self.request_id = self.traceparent = b""
        self.started = 0.0

    def disconnect(self) -> None:
        """The client hung up: nothing is to be asked or said any more."""
        self.is_disconnected = True
        if self.source is not None:
            self.source.cancel()

    def send_hit(self, entry: CacheEntry, now: float) -> None:
        """An answer from the cache at that time, in seconds since 1970."""
        age, left = entry.freshness.get_age(now), entry.freshness.get_remaining_ttl(now)
        self.send_entry(entry, b"hit; ttl=%d" % left, age=age)

    def send_entry(self, entry: CacheEntry, note: bytes, *, age: int) -> None:
        """A cached answer, or one that is now; not modified when the client's copy is good. -1: no age."""
        raise NotImplementedError

    def start_response(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        """The answer's head; its body comes in chunks."""
        raise NotImplementedError

    def send_chunk(self, data: bytes) -> None:
        """A part of the body."""
        raise NotImplementedError

    def end_response(self) -> None:
        """The body was whole."""
        raise NotImplementedError

    def flush(self) -> None:
        """Nothing more comes just now."""
        raise NotImplementedError

    def send_error(self, problem: ProblemError) -> None:
        """A problem when nothing was sent yet, else the connection breaks off, so that none looks whole."""
        raise NotImplementedError

    def restart(self) -> None:
        """The caller is not known any more: from the beginning."""
        raise NotImplementedError
