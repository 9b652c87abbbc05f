"""A service: its addresses with their connection pools."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.upstream.circuit_breaker import CircuitBreaker
from gateway.upstream.load_balancer import LoadBalancer, RetryBudget, UpstreamAddress
from gateway.upstream.messages import UpstreamFailure
from gateway.upstream.open_requests import OpenRequests, StreamLimit
from gateway.upstream.pool import MAX_CONNECTIONS, ConnectionPool, UpstreamTimeouts


class Upstream:
    """Shared by all requests to the service: load balancer, circuit breaker, retry budget, pools, shares."""

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        *,
        timeouts: UpstreamTimeouts,
        export_limit: StreamLimit,
        now: Callable[[], float],
    ) -> None:
        self.name = name
        self.balancer = LoadBalancer(urls, now=now)
        self.budget = RetryBudget()
        self.breaker = CircuitBreaker(now=now)
        self.pools = {url: ConnectionPool(url, timeouts) for url in urls}
        self.open_requests = OpenRequests(MAX_CONNECTIONS * len(urls), export_limit)
        self.failures = dict.fromkeys(UpstreamFailure, 0)

    def count_failure(self, failure: UpstreamFailure) -> None:
        self.failures[failure] += 1

    def eject(self, address: UpstreamAddress) -> None:
        """Ejects a draining address and closes its idle connections."""
        self.balancer.eject(address)
        self.pools[address.url].close_idle()

    def sweep(self, now: float) -> None:
        for pool in self.pools.values():
            pool.sweep(now)

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
