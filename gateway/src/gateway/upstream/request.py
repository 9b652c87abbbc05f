"""One request to a service until its response has ended: choice of address, retries, cancellation."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from gateway.http.headers import Header
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.load_balancer import UpstreamAddress
from gateway.upstream.messages import SAFE_METHODS, OutboundHead, ResponseReceiver, UpstreamFailure
from gateway.upstream.open_requests import Holder
from gateway.upstream.pool import PoolWaiter
from gateway.upstream.upstream import Upstream

_AWAY = frozenset({502, 503, 504})


class UpgradeCallback(Protocol):
    """Takes over a connection after an upgrade."""

    def __call__(self, connection: UpstreamConnection, rest: bytes) -> None:
        """`rest` came with the response's head."""


class UpstreamRequest(PoolWaiter):
    """The ResponseSource of its response."""

    __slots__ = (
        "_address",
        "_connection",
        "_has_answer",
        "_has_sent_body",
        "_holder",
        "_is_good",
        "_is_held",
        "_tried",
        "_upstream",
        "head",
        "upgrade_callback",
    )

    def __init__(
        self, upstream: Upstream, head: OutboundHead, receiver: ResponseReceiver, holder: Holder | None
    ) -> None:
        self._upstream = upstream
        self.head = head
        self.receiver = receiver
        self.source = None
        self.upgrade_callback: UpgradeCallback | None = None
        self._address: UpstreamAddress | None = None
        self._connection: UpstreamConnection | None = None
        self._tried: AbstractSet[str] = frozenset()
        self._has_answer = self._has_sent_body = self._is_good = False
        self._holder = holder
        self._is_held = self.is_over = False
        self.waiting_since = 0.0

    def attempt(self) -> None:
        """Sends the request to the next address, unless the holder has its share or the breaker is open."""
        if not self._hold():
            self._refuse(UpstreamFailure.TOO_MANY_OPEN)
            return
        if not self._tried and not self._upstream.breaker.allows_request():
            self._refuse(UpstreamFailure.CIRCUIT_OPEN)
            return
        address = self._upstream.balancer.pick(self._tried)
        if address is None:
            self._end()
            self._upstream.breaker.record_failure()
            self.receiver.on_failure(UpstreamFailure.UNREACHABLE)
            return
        self._address = address
        address.outstanding += 1
        self._upstream.pools[address.url].acquire(self)

    def start(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        connection.start_request(self, self.head)
        if self.head.has_body:
            self.receiver.on_ready()

    def send_body(self, chunk: bytes) -> None:
        """Sends a part of the request's body."""
        self._has_sent_body = True
        if self._connection is not None and chunk:
            is_chunked = self.head.body_length is None
            self._connection.send_body(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)

    def end_body(self) -> None:
        """The request's body is complete."""
        if self._connection is not None:
            if self.head.body_length is None:
                self._connection.send_body(b"0\r\n\r\n")
            self._connection.end_request()

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """A 502, 503 or 504 is retried at another address."""
        if status in _AWAY and self._can_retry_status():
            self._release_address(is_well=False)
            if self._connection is not None:
                self._connection.abort()
            self.attempt()
            return
        self._has_answer = True
        self._is_good = status < 400
        if self._address is not None and status < 500:
            self._upstream.balancer.record_success(self._address)
            self._upstream.breaker.record_success()
        elif self._address is not None and status in _AWAY:
            self._upstream.balancer.record_failure(self._address, is_unreachable=False)
            self._upstream.breaker.record_failure()
        self.receiver.on_head(status, headers)

    def on_upgraded(self, connection: UpstreamConnection, rest: bytes) -> None:
        self._close()
        if self.upgrade_callback is None:
            connection.abort()
            self.receiver.on_failure(UpstreamFailure.DISCONNECTED)
        else:
            self.upgrade_callback(connection, rest)

    def on_connection_closing(self) -> None:
        """A draining service closes its connections after a response: its address is ejected."""
        if self._address is not None and self._is_good:
            self._upstream.eject(self._address)

    def on_end(self) -> None:
        self._close()
        self.receiver.on_end()

    def _close(self) -> None:
        if not self.is_over:
            self._end()
            self._decrement_outstanding()

    def _hold(self) -> bool:
        """Whether the request has a share of the service's connections; retries keep it."""
        if self._holder is not None and not self._is_held:
            self._is_held = self._upstream.open_requests.acquire(self._holder)
            return self._is_held
        return True

    def _end(self) -> None:
        self.is_over = True
        if self._is_held and self._holder is not None:
            self._is_held = False
            self._upstream.open_requests.release(self._holder)

    def _refuse(self, failure: UpstreamFailure) -> None:
        self._end()
        self._upstream.count_failure(failure)
        self.receiver.on_failure(failure)

    def on_failure(self, failure: UpstreamFailure, *, was_stale: bool = False) -> None:
        """Retried where that is safe."""
        if self.is_over:
            return
        self._release_address(
            is_well=was_stale
            or failure is UpstreamFailure.TIMEOUT
            or failure is UpstreamFailure.POOL_EXHAUSTED,
            is_down=True,
        )
        self._upstream.count_failure(failure)
        if self._can_retry_failure(failure, was_stale=was_stale):
            if was_stale and self._address is not None:
                self._tried -= {self._address.url}
            self.attempt()
            return
        self._end()
        if failure is not UpstreamFailure.POOL_EXHAUSTED:  # busy with others' requests, but working
            self._upstream.breaker.record_failure()
        self.receiver.on_failure(failure)

    def pause(self) -> None:
        if self._connection is not None and not self.is_over:
            self._connection.pause()

    def resume(self) -> None:
        if self._connection is not None and not self.is_over:
            self._connection.resume()

    def cancel(self) -> None:
        """Closes the connection, which tells the service."""
        if self.is_over:
            return
        self._end()
        self._decrement_outstanding()
        if self._connection is not None:
            self._connection.abort()
        elif self._address is not None:
            self._upstream.pools[self._address.url].cancel(self)

    def _can_retry_failure(self, failure: UpstreamFailure, *, was_stale: bool) -> bool:
        if (
            self._address is None
            or self._has_answer
            or self._has_sent_body
            or failure is UpstreamFailure.TIMEOUT
        ):
            return False
        if failure in (
            UpstreamFailure.UNREACHABLE,
            UpstreamFailure.POOL_EXHAUSTED,
        ):  # nothing was sent, so every method may be retried
            return self._has_untried_address()
        is_safe = self.head.method in SAFE_METHODS
        return is_safe and (was_stale or (self._has_untried_address() and self._upstream.budget.withdraw()))

    def _can_retry_status(self) -> bool:
        is_safe = self.head.method in SAFE_METHODS and not self._has_answer
        if self._address is None or not is_safe:
            return False
        others = self._upstream.balancer.addresses.keys() - self._tried - {self._address.url}
        return bool(others) and self._upstream.budget.withdraw()

    def _has_untried_address(self) -> bool:
        return bool(self._upstream.balancer.addresses.keys() - self._tried)

    def _release_address(self, *, is_well: bool, is_down: bool = False) -> None:
        if self._address is None:
            return
        self._decrement_outstanding()
        self._tried |= {self._address.url}
        if not is_well:
            self._upstream.balancer.record_failure(self._address, is_unreachable=is_down)

    def _decrement_outstanding(self) -> None:
        if self._address is not None:
            self._address.outstanding -= 1


def create_request(
    upstream: Upstream, head: OutboundHead, receiver: ResponseReceiver, holder: Holder | None = None
) -> UpstreamRequest:
    """A request that its owner starts by `attempt`; without a `holder` for the gateway's own use."""
    upstream.budget.deposit()
    return UpstreamRequest(upstream, head, receiver, holder)
