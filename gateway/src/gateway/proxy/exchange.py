"""One request on its way through the data plane, whichever server brought it."""

from collections.abc import Sequence
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import Known
from gateway.cache.entry import Entry
from gateway.cache.response_cache import Counted
from gateway.http.headers import Header
from gateway.http.request_head import Head
from gateway.routing.match import Plan
from gateway.upstream.request import Flow

NOBODY = Counted(1, 0, 0, 0, -1)


class Client(Protocol):
    """The other end of a client's connection; `stamp_of` gives what a service is told of it."""

    def stamp_of(self, head: Head) -> bytes:
        """The lines that only the gateway may say."""


class Visit:
    """The request, who asks, and the ways to answer: whole at once, or begin, chunks, end; or fail.

    `note` is what Cache-Status says behind the name of the cache. `key` is where the answer is kept.
    """

    __slots__ = (
        "client",
        "counted",
        "flow",
        "head",
        "is_gone",
        "key",
        "known",
        "plan",
        "request_id",
        "started",
        "traceparent",
    )

    client: Client
    method = "GET"

    def __init__(self, plan: Plan, head: Head, known: Known) -> None:
        self.plan, self.head, self.known = plan, head, known
        self.key = plan.key
        self.counted = NOBODY
        self.flow: Flow | None = None
        self.is_gone = False
        self.request_id = self.traceparent = b""
        self.started = 0.0

    def gone(self) -> None:
        """The client hung up: nothing is to be asked or said any more."""
        self.is_gone = True
        if self.flow is not None:
            self.flow.abandon()

    def hit(self, entry: Entry, now: float) -> None:
        """An answer from the cache at that time, in seconds since 1970."""
        age, left = entry.known.age(now), entry.known.left(now)
        self.whole(entry, b"hit; ttl=%d" % left, age=age)

    def whole(self, entry: Entry, note: bytes, *, age: int) -> None:
        """A cached answer, or one that is now; not modified when the client's copy is good. -1: no age."""
        raise NotImplementedError

    def begin(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        """The answer's head; its body comes in chunks."""
        raise NotImplementedError

    def chunk(self, data: bytes) -> None:
        """A part of the body."""
        raise NotImplementedError

    def end(self) -> None:
        """The body was whole."""
        raise NotImplementedError

    def flush(self) -> None:
        """Nothing more comes just now."""
        raise NotImplementedError

    def fail(self, problem: ProblemError) -> None:
        """A problem when nothing was sent yet, else the connection breaks off, so that none looks whole."""
        raise NotImplementedError

    def again(self) -> None:
        """The caller is not known any more: from the beginning."""
        raise NotImplementedError
