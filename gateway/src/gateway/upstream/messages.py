"""A request for a service, what can go wrong with it, and who gets the answer."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_RETRY_AFTER = {"Retry-After": "2"}


class OutboundHead:
    """`lines` are all header lines but Host and the body's; `length` is the body's, None for chunks."""

    __slots__ = ("body_length", "has_body", "lines", "method", "target", "upgrade")

    def __init__(
        self, method: str, target: bytes, lines: bytes, *, length: int | None = 0, upgrade: bytes = b""
    ) -> None:
        self.method, self.target, self.lines = method, target, lines
        self.body_length, self.upgrade = length, upgrade
        self.has_body = length is None or length > 0


class UpstreamFailure(Enum):
    """Why there is no answer, or no whole one."""

    UNREACHABLE = "can't be reached now"
    TIMEOUT = "took too long"
    DISCONNECTED = "broke off the connection"
    POOL_EXHAUSTED = "has too many requests waiting"
    CIRCUIT_OPEN = "fails too often now and is asked only once a second"

    def to_problem(self, service: str) -> ProblemError:
        """What the client is told."""
        slugs = {UpstreamFailure.TIMEOUT: "timeout", UpstreamFailure.DISCONNECTED: "bad-gateway"}
        return ProblemError(slugs.get(self, "unavailable"), f"{service} {self.value}", headers=_RETRY_AFTER)


class ResponseSource(Protocol):
    """Where an answer comes from, for whoever takes it."""

    def pause(self) -> None:
        """No more for now."""

    def resume(self) -> None:
        """Go on."""

    def cancel(self) -> None:
        """Nobody wants it any more."""


class ResponseReceiver(Protocol):
    """Gets an answer as it comes: head, body..., then end or failure; flush after each read."""

    def on_ready(self) -> None:
        """A connection is there: a request's body may be sent now."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """Status and headers, names in lower case."""

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""

    def on_end(self) -> None:
        """That was all."""

    def on_failure(self, failure: UpstreamFailure) -> None:
        """There will be no more; also amid the body."""

    def on_flush(self) -> None:
        """Everything that one read brought has been told."""


class RequestBodySource(Protocol):
    """Who is told when the way of a request's body to the service is full and free again."""

    def pause_sending(self) -> None:
        """Send no more for now."""

    def resume_sending(self) -> None:
        """Go on."""
