"""Streams a service's response to one client, past the cache."""

from collections.abc import Callable, Sequence

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header, filter_response_headers
from gateway.proxy.exchange import Exchange
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.messages import UpstreamFailure
from gateway.upstream.request import UpstreamRequest


def build_internal_token_problem(service: str) -> ProblemError:
    """For a service's 401: gateway and service have different secrets; the client did nothing wrong."""
    detail = f"{service} rejected the gateway's internal token; give both the same BOOKSTREAM_INTERNAL_SECRET"
    return ProblemError("bad-gateway", detail, headers={"Retry-After": "5"})


class Passthrough:
    """A ResponseReceiver for one exchange.

    `on_status`, when set, gets the status and a function that releases the response; it must call that once.
    `ready_callback` is called when the request's body may be sent.
    """

    def __init__(self, exchange: Exchange, service: str, *, note: bytes) -> None:
        self._exchange, self._service, self._note = exchange, service, note
        self.request: UpstreamRequest | None = None
        self.on_status: Callable[[int, Callable[[], None]], None] | None = None
        self.ready_callback: Callable[[], None] | None = None
        self._held_chunks: list[bytes] | None = None
        self._is_done = False

    def on_ready(self) -> None:
        if self.ready_callback is not None:
            self.ready_callback()

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        if status == 401:
            self._is_done = True
            if self.request is not None:
                self.request.cancel()
            self._exchange.send_error(build_internal_token_problem(self._service))
            return
        public_headers = filter_response_headers(headers, PUBLIC_PREFIX_BYTES)
        if self.on_status is None:
            self._exchange.start_response(status, public_headers, self._note)
            return
        self._held_chunks = []
        self.on_status(status, lambda: self._release(status, public_headers))

    def on_body(self, chunk: bytes) -> None:
        if self._held_chunks is not None:
            self._held_chunks.append(chunk)
        elif not self._is_done:
            self._exchange.send_chunk(chunk)

    def on_end(self) -> None:
        if self._held_chunks is None and not self._is_done:
            self._exchange.end_response()
        self._is_done, self.request = True, None

    def on_failure(self, failure: UpstreamFailure) -> None:
        if not self._is_done:
            self._is_done, self._held_chunks, self.request = True, None, None
            self._exchange.send_error(failure.to_problem(self._service))

    def on_flush(self) -> None:
        if self._held_chunks is None:
            self._exchange.flush()

    def _release(self, status: int, headers: Sequence[Header]) -> None:
        chunks, self._held_chunks = self._held_chunks, None
        if chunks is None:
            return
        self._exchange.start_response(status, headers, self._note)
        for chunk in chunks:
            self._exchange.send_chunk(chunk)
        if self._is_done:
            self._exchange.end_response()
        self._exchange.flush()
