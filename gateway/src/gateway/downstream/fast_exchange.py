"""A visit that is answered within the protocol: its answer is put together as bytes and written at once."""

from collections.abc import Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Protocol

from bookcore.kit.problem import ProblemError, build_problem_response
from gateway.auth.caller_cache import Known
from gateway.cache.entry import Entry
from gateway.http.caching import is_unchanged
from gateway.http.headers import Header
from gateway.http.request_head import Head
from gateway.observability.access_log import Answered
from gateway.proxy.exchange import Client, Visit
from gateway.routing.match import Plan
from gateway.routing.routes import PUBLIC_PREFIX

_STATUS = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
_ONE_WRITE = 65_536
_MICRO = 1_000_000


class Door(Client, Protocol):
    """The connection that a hot visit came by."""

    is_leaving: bool

    def date_line(self) -> bytes:
        """`date: ...` with its line end."""

    def write(self, data: bytes) -> None:
        """To the client."""

    def answered(self, visit: "HotVisit", *, breaks_off: bool = False) -> None:
        """The answer is complete, or as much as there will be of it."""

    def redo(self, visit: "HotVisit") -> None:
        """Let the slow way answer."""


class HotVisit(Visit):
    """`raw` is the request's head as it came."""

    __slots__ = ("_has_begun", "_is_chunked", "_is_done", "_note", "_parts", "door", "raw", "status")

    def __init__(self, plan: Plan, head: Head, known: Known, *, door: Door, raw: bytes) -> None:
        Visit.__init__(self, plan, head, known)
        self.client = self.door = door
        self.raw = raw
        self.started = perf_counter()
        self.status = 0
        self._parts: list[bytes] | None = None
        self._note = b""
        self._has_begun = self._is_chunked = self._is_done = False

    def hit(self, entry: Entry, now: float) -> None:
        """As Visit; what is the same for a second is put together once a second."""
        if self.head.if_none_match is not None or len(entry.body) >= _ONE_WRITE:
            Visit.hit(self, entry, now)
            return
        if not entry.seen.since <= now < entry.seen.until:
            _look_at(entry, now, self.door.date_line())
        self.status, self._note = 200, b"hit"
        self.door.write(b"%b%b\r\n%b" % (entry.seen.top, self._own(), entry.body))
        self._close()

    def seen(self) -> Answered:
        """For the log."""
        return Answered(
            self.method,
            self.plan.route.prefix,
            PUBLIC_PREFIX + self.plan.path,
            self.status,
            perf_counter() - self.started,
            self._note,
            self.request_id,
            self.traceparent,
            self.known.caller.user_id,
        )

    def whole(self, entry: Entry, note: bytes, *, age: int) -> None:
        """As Visit."""
        inm = self.head.if_none_match
        self._note = note
        aged = b"age: %d\r\n" % age if age >= 0 else b""
        if inm is not None and is_unchanged(inm, entry.etag):
            self.status = 304
            self.door.write(
                b"HTTP/1.1 304 Not Modified\r\n%b%b%b\r\n" % (entry.lines_304, aged, self._said())
            )
        else:
            self.status = 200
            top = b"HTTP/1.1 200 OK\r\n%b%b%b\r\n" % (entry.lines, aged, self._said())
            if len(entry.body) < _ONE_WRITE:
                self.door.write(top + entry.body)
            else:
                self.door.write(top)
                self.door.write(entry.body)
        self._close()

    def begin(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        """As Visit."""
        self._has_begun, self.status, self._note = True, status, note
        parts, has_length = [_STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status], False
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
            has_length = has_length or name == b"content-length"
        self._is_chunked = not has_length and status not in (204, 304)
        if self._is_chunked:
            parts.append(b"transfer-encoding: chunked\r\n")
        parts += (self._said(), b"\r\n")
        self._parts = parts

    def chunk(self, data: bytes) -> None:
        """As Visit."""
        self._add(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def end(self) -> None:
        """As Visit."""
        if self._is_chunked:
            self._add(b"0\r\n\r\n")
        self._is_done = True

    def flush(self) -> None:
        """As Visit."""
        if self._parts:
            parts, self._parts = self._parts, None
            self.door.write(b"".join(parts))
        if self._is_done:
            self._is_done = False
            self._close()

    def fail(self, problem: ProblemError) -> None:
        """As Visit."""
        if self._has_begun:
            self._close(breaks_off=True)
            return
        response = build_problem_response(problem.problem, problem.detail, headers=problem.headers)
        self.status = response.status_code
        self._note = b"fwd=bypass" if self.status == 429 else b"fwd=uri-miss"
        lines = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        body = bytes(response.body)
        self.door.write(b"%b%b%b\r\n%b" % (_STATUS[self.status], lines, self._said(), body))
        self._close()

    def again(self) -> None:
        """As Visit."""
        self.door.redo(self)

    def _add(self, data: bytes) -> None:
        if self._parts is None:
            self._parts = [data]
        else:
            self._parts.append(data)

    def _said(self) -> bytes:
        return b"%bcache-status: bookstream; %b\r\n%b" % (self.door.date_line(), self._note, self._own())

    def _own(self) -> bytes:
        """The lines that are of this answer alone."""
        counted = self.counted
        closing = b"" if self.head.keeps_alive and not self.door.is_leaving else b"connection: close\r\n"
        return (
            b"x-request-id: %b\r\ntraceparent: %b\r\n%b%d;t=%d\r\nserver-timing: gateway;dur=%.3f\r\n%b"
        ) % (
            self.request_id,
            self.traceparent,
            self.known.rates,
            counted.remaining,
            -(-counted.reset_after // _MICRO),
            (perf_counter() - self.started) * 1_000,
            closing,
        )

    def _close(self, *, breaks_off: bool = False) -> None:
        self.flow = None  # no cycle is left behind that only the garbage collector could free
        self.door.answered(self, breaks_off=breaks_off)


def _look_at(entry: Entry, now: float, date_line: bytes) -> None:
    known, seen = entry.known, entry.seen
    age, left = known.age(now), known.left(now)
    seen.top = b"HTTP/1.1 200 OK\r\n%b%bage: %d\r\ncache-status: bookstream; hit; ttl=%d\r\n" % (
        date_line,
        entry.lines,
        age,
        left,
    )
    seen.since = max(float(int(now)), known.stored_at + age)
    seen.until = min(int(now) + 1.0, known.stored_at + age + 1.0) if left > 0 else seen.since
