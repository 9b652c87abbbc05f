"""The connection pool: waiting for a connection ends."""

import asyncio
import socket
from collections.abc import Sequence

from gateway.http.headers import Header
from gateway.upstream.messages import OutboundHead, UpstreamFailure
from gateway.upstream.open_requests import StreamLimit
from gateway.upstream.pool import MAX_CONNECTIONS, UpstreamTimeouts
from gateway.upstream.request import create_request
from gateway.upstream.upstream import Upstream


class Receiver:
    """Of a request that gets no response; `started` once it has a connection."""

    def __init__(self) -> None:
        self.failure: UpstreamFailure | None = None
        self.started = asyncio.get_running_loop().create_future()

    def on_ready(self) -> None:
        self.started.set_result(None)

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """Never called."""

    def on_body(self, chunk: bytes) -> None:
        """Never called."""

    def on_end(self) -> None:
        """Never called."""

    def on_failure(self, failure: UpstreamFailure) -> None:
        self.failure = failure

    def on_flush(self) -> None:
        """Nothing to do."""


async def wait_in_full_pool(url: str) -> tuple[UpstreamFailure | None, UpstreamFailure | None]:
    """What a waiting request was told before and after the pool's deadline."""
    loop = asyncio.get_running_loop()
    timeouts, limit = (
        UpstreamTimeouts(connect=5, read=1_000, wait=5),
        StreamLimit(per_caller=4, per_network=4),
    )
    upstream = Upstream("books-api", [url], timeouts=timeouts, export_limit=limit, now=loop.time)
    head = OutboundHead("POST", b"/", b"", length=1)  # a request whose body is awaited keeps its connection
    holders = [Receiver() for _ in range(MAX_CONNECTIONS)]
    for holder in holders:
        create_request(upstream, head, holder).attempt()
    await asyncio.gather(*(holder.started for holder in holders))
    late, now = Receiver(), loop.time()
    create_request(upstream, head, late).attempt()
    upstream.sweep(now + 4)
    before = late.failure
    upstream.sweep(now + 6)
    after = late.failure
    await upstream.close()
    return before, after


def test_request_waits_for_a_connection_only_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert asyncio.run(wait_in_full_pool(url)) == (None, UpstreamFailure.POOL_EXHAUSTED)
