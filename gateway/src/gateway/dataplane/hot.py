"""A visit that is answered within the protocol: its answer is put together as bytes and written at once."""

from collections.abc import Sequence
from http import HTTPStatus
from math import ceil
from time import perf_counter
from typing import Protocol

from bookcore.kit.problem import ProblemError, problem_response
from gateway.cache.entry import Entry
from gateway.core.freshness import is_unchanged
from gateway.core.head import Head
from gateway.core.headers import Header
from gateway.core.plan import Plan
from gateway.core.routes import PUBLIC_PREFIX
from gateway.dataplane.observe import Answered
from gateway.dataplane.tokens import Known
from gateway.dataplane.visit import Client, Visit

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

    def answered(self, visit: "HotVisit", seen: Answered, *, breaks_off: bool = False) -> None:
        """The answer is complete, or as much as there will be of it."""

    def redo(self, visit: "HotVisit") -> None:
        """Let the slow way answer."""


class HotVisit(Visit):
    """`raw` is the request's head as it came."""

    __slots__ = ("_has_begun", "_is_chunked", "_is_done", "_note", "_parts", "_status", "door", "raw")

    def __init__(self, plan: Plan, head: Head, known: Known, *, door: Door, raw: bytes) -> None:
        Visit.__init__(self, plan, head, known)
        self.client = self.door = door
        self.raw = raw
        self.started = perf_counter()
        self._parts: list[bytes] = []
        self._status = 0
        self._note = b""
        self._has_begun = self._is_chunked = self._is_done = False

    def whole(self, entry: Entry, note: bytes, *, age: int) -> None:
        """As Visit."""
        inm = self.head.if_none_match
        self._note = note
        aged = b"age: %d\r\n" % age if age >= 0 else b""
        if inm is not None and is_unchanged(inm, entry.etag):
            self._status = 304
            self.door.write(
                b"HTTP/1.1 304 Not Modified\r\n%b%b%b\r\n" % (entry.lines_304, aged, self._said())
            )
        else:
            self._status = 200
            top = b"HTTP/1.1 200 OK\r\n%b%b%b\r\n" % (entry.lines, aged, self._said())
            if len(entry.body) < _ONE_WRITE:
                self.door.write(top + entry.body)
            else:
                self.door.write(top)
                self.door.write(entry.body)
        self._close()

    def begin(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        """As Visit."""
        self._has_begun, self._status, self._note = True, status, note
        names = {name for name, _ in headers}
        self._is_chunked = b"content-length" not in names and status not in (204, 304)
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        framing = b"transfer-encoding: chunked\r\n" if self._is_chunked else b""
        top = _STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status
        self._parts.append(b"%b%b%b%b\r\n" % (top, lines, framing, self._said()))

    def chunk(self, data: bytes) -> None:
        """As Visit."""
        self._parts.append(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def end(self) -> None:
        """As Visit."""
        if self._is_chunked:
            self._parts.append(b"0\r\n\r\n")
        self._is_done = True

    def flush(self) -> None:
        """As Visit."""
        if self._parts:
            parts, self._parts = self._parts, []
            self.door.write(b"".join(parts))
        if self._is_done:
            self._is_done = False
            self._close()

    def fail(self, problem: ProblemError) -> None:
        """As Visit."""
        if self._has_begun:
            self._close(breaks_off=True)
            return
        response = problem_response(problem.problem, problem.detail, headers=problem.headers)
        self._status = response.status_code
        self._note = b"fwd=bypass" if self._status == 429 else b"fwd=uri-miss"
        lines = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        body = bytes(response.body)
        self.door.write(b"%b%b%b\r\n%b" % (_STATUS[self._status], lines, self._said(), body))
        self._close()

    def again(self) -> None:
        """As Visit."""
        self.door.redo(self)

    def _said(self) -> bytes:
        counted, known = self.counted, self.known
        closing = b"" if self.head.keeps_alive and not self.door.is_leaving else b"connection: close\r\n"
        return (
            b"%bx-request-id: %b\r\ntraceparent: %b\r\ncache-status: bookstream; %b\r\n"
            b'ratelimit-policy: %b\r\nratelimit: "%b";r=%d;t=%d\r\nserver-timing: gateway;dur=%.3f\r\n%b'
        ) % (
            self.door.date_line(),
            self.request_id,
            self.traceparent,
            self._note,
            known.policy,
            known.quota_name,
            counted.remaining,
            ceil(counted.reset_after / _MICRO),
            (perf_counter() - self.started) * 1_000,
            closing,
        )

    def _close(self, *, breaks_off: bool = False) -> None:
        self.flow = None  # no cycle is left behind that only the garbage collector could free
        seen = Answered(
            "GET",
            self.plan.route.prefix,
            PUBLIC_PREFIX + self.plan.path,
            self._status,
            perf_counter() - self.started,
            self._note,
            self.request_id,
            self.traceparent,
            self.known.caller.user_id,
        )
        self.door.answered(self, seen, breaks_off=breaks_off)
