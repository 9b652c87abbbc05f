"""Messages to and from a service: request heads, failures, and the interfaces of both directions."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_RETRY_AFTER = {"Retry-After": "2"}


class OutboundHead:
    """`lines` are all header lines but Host and framing; `length` is the body's, None for chunked."""

    __slots__ = ("body_length", "has_body", "lines", "method", "target", "upgrade")

    def __init__(
        self, method: str, target: bytes, lines: bytes, *, length: int | None = 0, upgrade: bytes = b""
    ) -> None:
        self.method, self.target, self.lines = method, target, lines
        self.body_length, self.upgrade = length, upgrade
        self.has_body = length is None or length > 0


class UpstreamFailure(Enum):
    """Why there is no response, or no complete one."""

    UNREACHABLE = "cannot be reached"
    TIMEOUT = "did not respond in time"
    DISCONNECTED = "closed the connection before the response was complete"
    POOL_EXHAUSTED = "has too many waiting requests"
    TOO_MANY_OPEN = "has too many open requests of yours; wait until one has ended"
    CIRCUIT_OPEN = "failed too often and is tried only once a second"

    def to_problem(self, service: str) -> ProblemError:
        """The problem for the client."""
        slugs = {
            UpstreamFailure.TIMEOUT: "timeout",
            UpstreamFailure.DISCONNECTED: "bad-gateway",
            UpstreamFailure.TOO_MANY_OPEN: "too-many-requests",
        }
        return ProblemError(slugs.get(self, "unavailable"), f"{service} {self.value}", headers=_RETRY_AFTER)


class ResponseSource(Protocol):
    """Flow control of a response."""

    def pause(self) -> None:
        """Backpressure: stops reading."""

    def resume(self) -> None:
        """Go on."""

    def cancel(self) -> None:
        """Nobody needs the response any more."""


class ResponseReceiver(Protocol):
    """Receives a response: head, body chunks, then end or failure; `on_flush` after each read."""

    def on_ready(self) -> None:
        """The request's body may be sent."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """Names are in lower case."""

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""

    def on_end(self) -> None:
        """That was all."""

    def on_failure(self, failure: UpstreamFailure) -> None:
        """May come after a part of the body."""

    def on_flush(self) -> None:
        """All events of one read were delivered."""


class RequestBodySource(Protocol):
    """Flow control of a request's body."""

    def pause_sending(self) -> None:
        """The connection's write buffer is full."""

    def resume_sending(self) -> None:
        """Go on."""
