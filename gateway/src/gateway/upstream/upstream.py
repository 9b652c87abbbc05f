"""One service behind its addresses."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from gateway.http.headers import Header, is_farewell
from gateway.upstream.call import Call
from gateway.upstream.circuit_breaker import Breaker
from gateway.upstream.load_balancer import Address, Balancer, RetryBudget
from gateway.upstream.pool import Pool
from gateway.upstream.request import Failure, Outbound, Receiver

_log = structlog.get_logger()
_HEALTH = Outbound("GET", b"/health/live", b"")
_HEALTH_SECONDS = 1.0


class Upstream:
    """Sends requests; addresses that are left out are asked for their health each second and taken back."""

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        *,
        connect_seconds: float,
        read_seconds: float,
        now: Callable[[], float],
    ) -> None:
        self.name = name
        self.balancer = Balancer(urls, now=now)
        self.budget = RetryBudget()
        self.breaker = Breaker(now=now)
        self.pools = {
            url: Pool(url, connect_seconds=connect_seconds, read_seconds=read_seconds) for url in urls
        }
        self.failures = dict.fromkeys(Failure, 0)
        self._next_look = 0.0

    def send(self, outbound: Outbound, receiver: Receiver) -> Call:
        """Begin a call; the receiver hears of it, maybe before this returns."""
        call = self.prepare(outbound, receiver)
        call.attempt()
        return call

    def prepare(self, outbound: Outbound, receiver: Receiver) -> Call:
        """A call that its owner begins with `attempt`."""
        self.budget.deposit()
        return Call(self, outbound, receiver)

    def note(self, failure: Failure) -> None:
        """Count what went wrong."""
        self.failures[failure] += 1

    def retire(self, address: Address) -> None:
        """It is about to stop: while there are others they get its requests; idle connections go."""
        self.balancer.leave_out(address)
        self.pools[address.url].drop_idle()

    def sweep(self, now: float) -> None:
        """As Swept."""
        for pool in self.pools.values():
            pool.sweep(now)
        if now >= self._next_look:
            self._next_look = now + _HEALTH_SECONDS
            for address in self.balancer.resting():
                self._look_at(address)

    async def close(self) -> None:
        """Drop all connections."""
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

    def _look_at(self, address: Address) -> None:
        probe = _Probe(self, address)
        call = Call(self, _HEALTH, probe)
        self.pools[address.url].take(call)


class _Probe:
    """Takes the answer to a health question."""

    def __init__(self, upstream: Upstream, address: Address) -> None:
        self._upstream, self._address = upstream, address
        self._is_well = False

    def on_ready(self) -> None:
        """As Receiver."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        self._is_well = status == 200 and not is_farewell(headers)

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""

    def on_end(self) -> None:
        """As Receiver."""
        if self._is_well:
            _log.info("upstream is well again", service=self._upstream.name, url=self._address.url)
            self._upstream.breaker.succeeded()
            self._upstream.balancer.restore(self._address)

    def on_failure(self, failure: Failure) -> None:
        """As Receiver."""

    def on_flush(self) -> None:
        """As Receiver."""
