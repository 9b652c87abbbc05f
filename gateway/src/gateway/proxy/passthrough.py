"""A service's answer on to one client, chunk by chunk, kept nowhere."""

from collections.abc import Callable, Sequence

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header, filter_response_headers
from gateway.proxy.exchange import Exchange
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.messages import UpstreamFailure
from gateway.upstream.request import UpstreamRequest


def build_internal_token_problem(service: str) -> ProblemError:
    """A service's 401 is never the client's fault: gateway and service don't share the secret."""
    detail = f"{service} refused the gateway; give both the same BOOKSTREAM_INTERNAL_SECRET"
    return ProblemError("bad-gateway", detail, headers={"Retry-After": "5"})


class Passthrough:
    """A Receiver; `on_answer`, when given, decides with the status whether the answer may go out yet.

    It gets the status and how to go on, and must call that once.
    """

    def __init__(self, exchange: Exchange, service: str, *, note: bytes) -> None:
        self._visit, self._service, self._note = exchange, service, note
        self.request: UpstreamRequest | None = None
        self.on_status: Callable[[int, Callable[[], None]], None] | None = None
        self.ready_callback: Callable[[], None] | None = None
        self._held: list[bytes] | None = None
        self._is_over = False

    def on_ready(self) -> None:
        """As Receiver."""
        if self.ready_callback is not None:
            self.ready_callback()

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        if status == 401:
            self._is_over = True
            if self.request is not None:
                self.request.cancel()
            self._visit.send_error(build_internal_token_problem(self._service))
            return
        shown = filter_response_headers(headers, PUBLIC_PREFIX_BYTES)
        if self.on_status is None:
            self._visit.start_response(status, shown, self._note)
            return
        self._held = []
        self.on_status(status, lambda: self._release(status, shown))

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""
        if self._held is not None:
            self._held.append(chunk)
        elif not self._is_over:
            self._visit.send_chunk(chunk)

    def on_end(self) -> None:
        """As Receiver."""
        if self._held is None and not self._is_over:
            self._visit.end_response()
        self._is_over, self.request = True, None

    def on_failure(self, failure: UpstreamFailure) -> None:
        """As Receiver."""
        if not self._is_over:
            self._is_over, self._held, self.request = True, None, None
            self._visit.send_error(failure.to_problem(self._service))

    def on_flush(self) -> None:
        """As Receiver."""
        if self._held is None:
            self._visit.flush()

    def _release(self, status: int, headers: Sequence[Header]) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        self._visit.start_response(status, headers, self._note)
        for chunk in held:
            self._visit.send_chunk(chunk)
        if self._is_over:
            self._visit.end_response()
        self._visit.flush()
