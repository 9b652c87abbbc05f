"""Fetches a complete response body, for the gateway's own use."""

import asyncio
from collections.abc import Sequence

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header
from gateway.upstream.messages import OutboundHead, UpstreamFailure
from gateway.upstream.request import UpstreamRequest, create_request
from gateway.upstream.upstream import Upstream


async def fetch_body(upstream: Upstream, target: bytes, *, most_bytes: int) -> bytes:
    """The body of a GET. Raises: ProblemError, also when it is larger than `most_bytes`."""
    collector = _BodyCollector(upstream.name, most_bytes)
    collector.request = create_request(upstream, OutboundHead("GET", target, b""), collector)
    collector.request.attempt()
    try:
        return await collector.future
    finally:
        collector.request.cancel()


class _BodyCollector:
    def __init__(self, service: str, most_bytes: int) -> None:
        self._service, self._max_bytes = service, most_bytes
        self.future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.request: UpstreamRequest | None = None
        self._body = bytearray()

    def on_ready(self) -> None:
        """Nothing to do."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        if status != 200:
            self._fail(ProblemError("bad-gateway", f"{self._service} responded with status {status}"))

    def on_body(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > self._max_bytes:
            self._fail(ProblemError("bad-gateway", f"{self._service} sent a response that is too large"))

    def on_end(self) -> None:
        if not self.future.done():
            self.future.set_result(bytes(self._body))

    def on_failure(self, failure: UpstreamFailure) -> None:
        self._fail(failure.to_problem(self._service))

    def on_flush(self) -> None:
        """Nothing to do."""

    def _fail(self, problem: ProblemError) -> None:
        if not self.future.done():
            self.future.set_exception(problem)
