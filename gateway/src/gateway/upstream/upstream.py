"""A service: its addresses with their connection pools."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from gateway.upstream.circuit_breaker import CircuitBreaker
from gateway.upstream.load_balancer import LoadBalancer, RetryBudget, UpstreamAddress
from gateway.upstream.messages import UpstreamFailure
from gateway.upstream.open_requests import OpenRequests, StreamLimit
from gateway.upstream.pool import MAX_CONNECTIONS, ConnectionPool, UpstreamTimeouts

BY_NAME = "dns+"
"""Begins a URL that names all addresses of a name; see gateway.upstream.resolver."""


class Upstream:
    """Shared by all requests to the service: load balancer, circuit breaker, retry budget, pools, shares.

    A pool stays, after its address has left, until the last request on it has ended.
    """

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
        urls = [url for url in urls if not url.startswith(BY_NAME)]
        self.balancer = LoadBalancer(urls, now=now)
        self.budget = RetryBudget()
        self.breaker = CircuitBreaker(now=now)
        self.pools = {url: ConnectionPool(url, timeouts) for url in urls}
        self._timeouts = timeouts
        self.open_requests = OpenRequests(MAX_CONNECTIONS * max(1, len(urls)), export_limit)
        self.resolutions = {"good": 0, "failed": 0}
        self.failures = dict.fromkeys(UpstreamFailure, 0)

    def count_failure(self, failure: UpstreamFailure) -> None:
        self.failures[failure] += 1

    def count_resolution(self, *, is_good: bool) -> None:
        """An answer of the DNS, or none."""
        self.resolutions["good" if is_good else "failed"] += 1

    def replace_addresses(self, hosts: Mapping[str, str]) -> None:
        """Requests go to these URLs from now on, with the given Host header ("": the URL's own)."""
        if hosts.keys() == self.balancer.addresses.keys():
            return
        for url, host in hosts.items():
            if url not in self.pools:
                self.pools[url] = ConnectionPool(url, self._timeouts, host=host)
        self.open_requests.resize(MAX_CONNECTIONS * max(1, len(hosts)))
        self.balancer.replace(list(hosts))
        for url in self.pools.keys() - hosts.keys():
            self.pools[url].close_idle()

    def eject(self, address: UpstreamAddress) -> None:
        """Ejects a draining address and closes its idle connections."""
        self.balancer.eject(address)
        self.pools[address.url].close_idle()

    def sweep(self, now: float) -> None:
        for url, pool in list(self.pools.items()):
            pool.sweep(now)
            if url not in self.balancer.addresses:
                pool.close_idle()
                if pool.is_unused:
                    del self.pools[url]

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
