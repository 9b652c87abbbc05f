"""The connection pool: waiting for a connection ends."""

import asyncio
import socket

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import OutboundHead, UpstreamFailure
from gateway.upstream.pool import MAX_CONNECTIONS, ConnectionPool, PoolWaiter, UpstreamTimeouts


class Waiter(PoolWaiter):
    """A request that keeps its connection."""

    def __init__(self) -> None:
        self.is_over, self.waiting_since, self.source = False, 0.0, None
        self.failure: UpstreamFailure | None = None
        self.started = asyncio.get_running_loop().create_future()

    def start(self, connection: UpstreamConnection) -> None:
        connection.start_request(self, OutboundHead("GET", b"/", b""))
        self.started.set_result(None)

    def on_failure(self, failure: UpstreamFailure, *, was_stale: bool = False) -> None:
        self.failure = failure


async def wait_in_full_pool(url: str) -> tuple[UpstreamFailure | None, UpstreamFailure | None]:
    """What a waiting request was told before and after the pool's deadline."""
    pool = ConnectionPool(url, UpstreamTimeouts(connect=5, read=1_000, wait=5))
    holders = [Waiter() for _ in range(MAX_CONNECTIONS)]
    for holder in holders:
        pool.acquire(holder)
    await asyncio.gather(*(holder.started for holder in holders))
    late, now = Waiter(), asyncio.get_running_loop().time()
    pool.acquire(late)
    pool.sweep(now + 4)
    before = late.failure
    pool.sweep(now + 6)
    after = late.failure
    await pool.close()
    return before, after


def test_request_waits_for_a_connection_only_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert asyncio.run(wait_in_full_pool(url)) == (None, UpstreamFailure.POOL_EXHAUSTED)
