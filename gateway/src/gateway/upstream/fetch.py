"""A whole answer of a service at once, for the gateway's own use."""

import asyncio
from collections.abc import Sequence

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header
from gateway.upstream.messages import OutboundHead, UpstreamFailure
from gateway.upstream.request import UpstreamRequest, create_request
from gateway.upstream.upstream import Upstream


async def fetch_body(upstream: Upstream, target: bytes, *, most_bytes: int) -> bytes:
    """The body of a GET. Raises: ProblemError, also when it is larger."""
    whole = _BodyCollector(upstream.name, most_bytes)
    whole.request = create_request(upstream, OutboundHead("GET", target, b""), whole)
    whole.request.attempt()
    try:
        return await whole.answer
    finally:
        whole.request.cancel()


class _BodyCollector:
    def __init__(self, service: str, most_bytes: int) -> None:
        self._service, self._most = service, most_bytes
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.request: UpstreamRequest | None = None
        self._body = bytearray()

    def on_ready(self) -> None:
        """As Receiver."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        if status != 200:
            self._fail(ProblemError("bad-gateway", f"{self._service} answered {status}"))

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""
        self._body += chunk
        if len(self._body) > self._most:
            self._fail(ProblemError("bad-gateway", f"{self._service} answered too much"))

    def on_end(self) -> None:
        """As Receiver."""
        if not self.answer.done():
            self.answer.set_result(bytes(self._body))

    def on_failure(self, failure: UpstreamFailure) -> None:
        """As Receiver."""
        self._fail(failure.to_problem(self._service))

    def on_flush(self) -> None:
        """As Receiver."""

    def _fail(self, problem: ProblemError) -> None:
        if not self.answer.done():
            self.answer.set_exception(problem)
