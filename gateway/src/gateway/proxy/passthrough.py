"""A service's answer on to one client, chunk by chunk, kept nowhere."""

from collections.abc import Callable, Sequence

from bookcore.kit.problem import ProblemError
from gateway.http.headers import Header, to_client
from gateway.proxy.exchange import Visit
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.call import Call
from gateway.upstream.request import Failure


def unbelieved(service: str) -> ProblemError:
    """A service's 401 is never the client's fault: gateway and service don't share the secret."""
    detail = f"{service} refused the gateway; give both the same BOOKSTREAM_INTERNAL_SECRET"
    return ProblemError("bad-gateway", detail, headers={"Retry-After": "5"})


class Relay:
    """A Receiver; `on_answer`, when given, decides with the status whether the answer may go out yet.

    It gets the status and how to go on, and must call that once.
    """

    def __init__(self, visit: Visit, service: str, *, note: bytes) -> None:
        self._visit, self._service, self._note = visit, service, note
        self.call: Call | None = None
        self.on_answer: Callable[[int, Callable[[], None]], None] | None = None
        self.when_ready: Callable[[], None] | None = None
        self._held: list[bytes] | None = None
        self._is_over = False

    def on_ready(self) -> None:
        """As Receiver."""
        if self.when_ready is not None:
            self.when_ready()

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        if status == 401:
            self._is_over = True
            if self.call is not None:
                self.call.abandon()
            self._visit.fail(unbelieved(self._service))
            return
        shown = to_client(headers, PUBLIC_PREFIX_BYTES)
        if self.on_answer is None:
            self._visit.begin(status, shown, self._note)
            return
        self._held = []
        self.on_answer(status, lambda: self._go_on(status, shown))

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""
        if self._held is not None:
            self._held.append(chunk)
        elif not self._is_over:
            self._visit.chunk(chunk)

    def on_end(self) -> None:
        """As Receiver."""
        if self._held is None and not self._is_over:
            self._visit.end()
        self._is_over, self.call = True, None

    def on_failure(self, failure: Failure) -> None:
        """As Receiver."""
        if not self._is_over:
            self._is_over, self._held, self.call = True, None, None
            self._visit.fail(failure.problem(self._service))

    def on_flush(self) -> None:
        """As Receiver."""
        if self._held is None:
            self._visit.flush()

    def _go_on(self, status: int, headers: Sequence[Header]) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        self._visit.begin(status, headers, self._note)
        for chunk in held:
            self._visit.chunk(chunk)
        if self._is_over:
            self._visit.end()
        self._visit.flush()
