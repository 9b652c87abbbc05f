"""One request to a service until its answer has ended: which address, repeated or not, given up or done."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from gateway.http.headers import Header
from gateway.upstream.connection import Connection
from gateway.upstream.load_balancer import Address
from gateway.upstream.pool import PoolWaiter
from gateway.upstream.request import REPEATABLE, Failure, Outbound, Receiver
from gateway.upstream.upstream import Upstream

_AWAY = frozenset({502, 503, 504})


class OnUpgrade(Protocol):
    """Who takes over a connection that speaks another protocol from here on."""

    def __call__(self, connection: Connection, rest: bytes) -> None:
        """`rest` came with the answer's head already."""


class Call(PoolWaiter):
    """As a Flow it can be paused, resumed and abandoned."""

    __slots__ = (
        "_address",
        "_connection",
        "_has_answer",
        "_has_sent_body",
        "_is_good",
        "_tried",
        "_upstream",
        "on_upgrade",
        "outbound",
    )

    def __init__(self, upstream: Upstream, outbound: Outbound, receiver: Receiver) -> None:
        self._upstream = upstream
        self.outbound = outbound
        self.receiver = receiver
        self.source = None
        self.on_upgrade: OnUpgrade | None = None
        self._address: Address | None = None
        self._connection: Connection | None = None
        self._tried: AbstractSet[str] = frozenset()
        self._has_answer = self._has_sent_body = self._is_good = False
        self.is_over = False

    def attempt(self) -> None:
        """Ask the next address; nobody while the service mostly fails."""
        if not self._tried and not self._upstream.breaker.lets():
            self.is_over = True
            self._upstream.note(Failure.RESTING)
            self.receiver.on_failure(Failure.RESTING)
            return
        address = self._upstream.balancer.pick(self._tried)
        if address is None:
            self.is_over = True
            self._upstream.breaker.failed()
            self.receiver.on_failure(Failure.REFUSED)
            return
        self._address = address
        address.outstanding += 1
        self._upstream.pools[address.url].take(self)

    def begin(self, connection: Connection) -> None:
        """Here is the connection."""
        self._connection = connection
        connection.start(self, self.outbound)
        if self.outbound.has_body:
            self.receiver.on_ready()

    def send(self, chunk: bytes) -> None:
        """A part of the request's body."""
        self._has_sent_body = True
        if self._connection is not None and chunk:
            is_chunked = self.outbound.length is None
            self._connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)

    def finish(self) -> None:
        """The request's body was whole."""
        if self._connection is not None:
            if self.outbound.length is None:
                self._connection.send(b"0\r\n\r\n")
            self._connection.sent()

    def answered(self, status: int, headers: Sequence[Header]) -> None:
        """Status and headers are here; an address that says that it is away may be one of several."""
        if status in _AWAY and self._may_repeat():
            self._release(is_well=False)
            if self._connection is not None:
                self._connection.drop()
            self.attempt()
            return
        self._has_answer = True
        self._is_good = status < 400
        if self._address is not None and status < 500:
            self._upstream.balancer.succeeded(self._address)
            self._upstream.breaker.succeeded()
        elif self._address is not None and status in _AWAY:
            self._upstream.balancer.failed(self._address, is_down=False)
            self._upstream.breaker.failed()
        self.receiver.on_head(status, headers)

    def upgraded(self, connection: Connection, rest: bytes) -> None:
        """The service switched protocols; the connection is its taker's now."""
        connection.call = None
        self.ended_quietly()
        if self.on_upgrade is None:
            connection.drop()
            self.receiver.on_failure(Failure.BROKEN)
        else:
            self.on_upgrade(connection, rest)

    def took_leave(self) -> None:
        """The answer was the last by its connection: a service that stops says so to everybody."""
        if self._address is not None and self._is_good:
            self._upstream.retire(self._address)

    def ended(self) -> None:
        """The answer was whole."""
        self.ended_quietly()
        self.receiver.on_end()

    def ended_quietly(self) -> None:
        """Over, without telling."""
        if not self.is_over:
            self.is_over = True
            self._count_down()

    def failed(self, failure: Failure, *, was_stale: bool = False) -> None:
        """No answer by this connection; `was_stale` when an idle one turned out to be closed."""
        if self.is_over:
            return
        self._release(is_well=was_stale or failure is Failure.SLOW or failure is Failure.FULL, is_down=True)
        self._upstream.note(failure)
        if self._may_follow(failure, was_stale=was_stale):
            if was_stale and self._address is not None:
                self._tried -= {self._address.url}
            self.attempt()
            return
        self.is_over = True
        self._upstream.breaker.failed()
        self.receiver.on_failure(failure)

    def pause(self) -> None:
        """As Flow."""
        if self._connection is not None and not self.is_over:
            self._connection.pause()

    def resume(self) -> None:
        """As Flow."""
        if self._connection is not None and not self.is_over:
            self._connection.resume()

    def abandon(self) -> None:
        """As Flow: the service is told by a closed connection."""
        if self.is_over:
            return
        self.is_over = True
        self._count_down()
        if self._connection is not None:
            self._connection.drop()
        elif self._address is not None:
            self._upstream.pools[self._address.url].forget(self)

    def _may_follow(self, failure: Failure, *, was_stale: bool) -> bool:
        if self._address is None or self._has_answer or self._has_sent_body or failure is Failure.SLOW:
            return False
        if failure in (Failure.REFUSED, Failure.FULL):  # nothing was sent: nobody is asked twice
            return self._has_another()
        is_safe = self.outbound.method in REPEATABLE
        return is_safe and (was_stale or (self._has_another() and self._upstream.budget.withdraw()))

    def _may_repeat(self) -> bool:
        is_safe = self.outbound.method in REPEATABLE and not self._has_answer
        if self._address is None or not is_safe:
            return False
        others = self._upstream.balancer.addresses.keys() - self._tried - {self._address.url}
        return bool(others) and self._upstream.budget.withdraw()

    def _has_another(self) -> bool:
        return bool(self._upstream.balancer.addresses.keys() - self._tried)

    def _release(self, *, is_well: bool, is_down: bool = False) -> None:
        if self._address is None:
            return
        self._count_down()
        self._tried |= {self._address.url}
        if not is_well:
            self._upstream.balancer.failed(self._address, is_down=is_down)

    def _count_down(self) -> None:
        if self._address is not None:
            self._address.outstanding -= 1


def prepare(upstream: Upstream, outbound: Outbound, receiver: Receiver) -> Call:
    """A call that its owner begins with `attempt`."""
    upstream.budget.deposit()
    return Call(upstream, outbound, receiver)
