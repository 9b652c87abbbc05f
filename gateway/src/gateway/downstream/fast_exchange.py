"""An exchange of the fast path: the response is built as bytes and written at once."""

from collections.abc import Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Protocol

from bookcore.kit.problem import ProblemError, build_problem_response
from gateway.auth.caller_cache import AuthenticatedCaller
from gateway.cache.entry import CacheEntry
from gateway.http.caching import matches_etag
from gateway.http.headers import Header
from gateway.http.request_head import RequestHead
from gateway.observability.access_log import AccessRecord
from gateway.proxy.exchange import Exchange, ExchangeClient
from gateway.routing.match import RouteMatch
from gateway.routing.routes import PUBLIC_PREFIX

_STATUS = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
_MAX_JOINED_BYTES = 65_536
_MICRO = 1_000_000


class DownstreamConnection(ExchangeClient, Protocol):
    """The connection of an exchange of the fast path."""

    is_draining: bool
    is_proxied: bool
    """By a trusted proxy."""

    def get_date_line(self) -> bytes:
        """The Date header with its line end."""

    def write(self, data: bytes) -> None:
        """To the client."""

    def finish_exchange(self, exchange: "FastExchange", *, is_aborted: bool = False) -> None:
        """The response is complete, or was aborted."""

    def restart_exchange(self, exchange: "FastExchange") -> None:
        """Passes the request to ASGI."""


class FastExchange(Exchange):
    """`raw` is the request's head as received; `browser_lines` are header lines of every response to it."""

    __slots__ = (
        "_has_started",
        "_is_chunked",
        "_is_done",
        "_note",
        "_parts",
        "browser_lines",
        "connection",
        "raw",
        "status",
    )

    def __init__(
        self,
        match: RouteMatch,
        head: RequestHead,
        auth: AuthenticatedCaller,
        *,
        connection: DownstreamConnection,
        raw: bytes,
    ) -> None:
        Exchange.__init__(self, match, head, auth)
        self.client = self.connection = connection
        self.raw = raw
        self.started = perf_counter()
        self.status = 0
        self._parts: list[bytes] | None = None
        self._note = self.browser_lines = b""
        self._has_started = self._is_chunked = self._is_done = False

    def send_hit(self, entry: CacheEntry, now: float) -> None:
        """The head of a hit is the same for a second, so it is built once a second."""
        if self.head.if_none_match is not None or len(entry.body) >= _MAX_JOINED_BYTES:
            Exchange.send_hit(self, entry, now)
            return
        if not entry.cached_head.valid_from <= now < entry.cached_head.valid_until:
            _refresh_cached_head(entry, now, self.connection.get_date_line())
        if self.head.encoding:
            entry = entry.get_encoded(self.head.encoding)
            if not entry.cached_head.valid_from <= now < entry.cached_head.valid_until:
                _refresh_cached_head(entry, now, self.connection.get_date_line())
        self.status, self._note = 200, b"hit"
        self.connection.write(b"%b%b\r\n%b" % (entry.cached_head.lines, self._build_own_lines(), entry.body))
        self._finish()

    def build_access_record(self) -> AccessRecord:
        """For the log."""
        return AccessRecord(
            self.method,
            self.match.route.prefix,
            PUBLIC_PREFIX + self.match.path,
            self.status,
            perf_counter() - self.started,
            self._note,
            self.request_id,
            self.traceparent,
            self.auth.caller.user_id,
            self.connection.find_address(self.head),
            b"" if self.trace is None else self.trace.span_id,
        )

    def send_entry(self, entry: CacheEntry, note: bytes, *, age: int) -> None:
        is_unchanged = matches_etag(self.head.if_none_match, entry.etag)
        entry = entry.get_encoded(self.head.encoding)
        self._note = note
        age_line = b"age: %d\r\n" % age if age >= 0 else b""
        if is_unchanged:
            self.status = 304
            self.connection.write(
                b"HTTP/1.1 304 Not Modified\r\n%b%b%b\r\n"
                % (entry.lines_304, age_line, self._build_response_lines())
            )
        else:
            self.status = 200
            head_bytes = b"HTTP/1.1 200 OK\r\n%b%b%b\r\n" % (
                entry.lines,
                age_line,
                self._build_response_lines(),
            )
            if len(entry.body) < _MAX_JOINED_BYTES:
                self.connection.write(head_bytes + entry.body)
            else:
                self.connection.write(head_bytes)
                self.connection.write(entry.body)
        self._finish()

    def start_response(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        self._has_started, self.status, self._note = True, status, note
        headers = self.start_encoding(status, headers)
        parts, has_length = [_STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status], False
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
            has_length = has_length or name == b"content-length"
        self._is_chunked = not has_length and status not in (204, 304)
        if self._is_chunked:
            parts.append(b"transfer-encoding: chunked\r\n")
        parts += (self._build_response_lines(), b"\r\n")
        self._parts = parts

    def send_chunk(self, data: bytes) -> None:
        if self.encoder is not None:
            data = self.encoder.compress(data)
        self._append_body(data)

    def end_response(self) -> None:
        if self.encoder is not None:
            self._append_body(self.encoder.finish())
            self.encoder = None
        if self._is_chunked:
            self._append(b"0\r\n\r\n")
        self._is_done = True

    def flush(self) -> None:
        if self.encoder is not None:
            self._append_body(self.encoder.flush())
        if self._parts:
            parts, self._parts = self._parts, None
            self.connection.write(b"".join(parts))
        if self._is_done:
            self._is_done = False
            self._finish()

    def send_error(self, problem: ProblemError) -> None:
        if self._has_started:
            self._finish(is_aborted=True)
            return
        response = build_problem_response(problem.problem, problem.detail, headers=problem.headers)
        self.status = response.status_code
        self._note = b"fwd=bypass" if self.status == 429 else b"fwd=uri-miss"
        lines = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        body = bytes(response.body)
        self.connection.write(
            b"%b%b%b\r\n%b" % (_STATUS[self.status], lines, self._build_response_lines(), body)
        )
        self._finish()

    def restart(self) -> None:
        self.connection.restart_exchange(self)

    def _append_body(self, data: bytes) -> None:
        if data:  # an empty chunk would end the body
            self._append(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def _append(self, data: bytes) -> None:
        if self._parts is None:
            self._parts = [data]
        else:
            self._parts.append(data)

    def _build_response_lines(self) -> bytes:
        return b"%bcache-status: bookstream; %b\r\n%b" % (
            self.connection.get_date_line(),
            self._note,
            self._build_own_lines(),
        )

    def _build_own_lines(self) -> bytes:
        """The header lines that differ between responses."""
        rate_limit = self.rate_limit
        closing = (
            b"" if self.head.keeps_alive and not self.connection.is_draining else b"connection: close\r\n"
        )
        return (
            b"x-request-id: %b\r\ntraceparent: %b\r\n%b%d;t=%d\r\nserver-timing: gateway;dur=%.3f\r\n%b%b"
        ) % (
            self.request_id,
            self.traceparent,
            self.auth.rate_header_prefix,
            rate_limit.remaining,
            -(-rate_limit.reset_after // _MICRO),
            (perf_counter() - self.started) * 1_000,
            self.browser_lines,
            closing,
        )

    def _finish(self, *, is_aborted: bool = False) -> None:
        self.source = None  # breaks a reference cycle, which only the garbage collector could free
        self.connection.finish_exchange(self, is_aborted=is_aborted)


def _refresh_cached_head(entry: CacheEntry, now: float, date_line: bytes) -> None:
    freshness, cached_head = entry.freshness, entry.cached_head
    age, ttl = freshness.get_age(now), freshness.get_remaining_ttl(now)
    cached_head.lines = b"HTTP/1.1 200 OK\r\n%b%bage: %d\r\ncache-status: bookstream; hit; ttl=%d\r\n" % (
        date_line,
        entry.lines,
        age,
        ttl,
    )
    cached_head.valid_from = max(float(int(now)), freshness.stored_at + age)
    next_second = min(int(now) + 1.0, freshness.stored_at + age + 1.0)
    cached_head.valid_until = next_second if ttl > 0 else cached_head.valid_from
