"""One service behind its addresses."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.upstream.circuit_breaker import Breaker
from gateway.upstream.load_balancer import Address, Balancer, RetryBudget
from gateway.upstream.pool import Pool
from gateway.upstream.request import Failure


class Upstream:
    """Addresses with their pools, what is known of their health, and the budget for repetitions."""

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

    async def close(self) -> None:
        """Drop all connections."""
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
