"""Graceful shutdown without a lost request.

Uvicorn alone closes every idle connection at once, and a request being sent on one at that moment is lost; a
client may retry a GET, but no POST. This server first sends `Connection: close` with every response for a
moment, on old and new connections, so that clients with connection pools (the gateway) go elsewhere.
"""

import asyncio
import socket
from collections.abc import Callable

import uvicorn

DRAIN_TICKS, IDLE_TICKS, TICK_SECONDS = 10, 2, 0.1
"""A drain takes a second at most and ends after two ticks without a connection."""


class DrainingServer(uvicorn.Server):
    """Drains, then shuts down like uvicorn; a second signal ends it at once. `on_leave` is called first."""

    def __init__(self, config: uvicorn.Config, *, on_leave: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._on_leave = on_leave

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_leave()
        await self._drain()
        await self.on_drained()
        await super().shutdown(sockets)

    def on_drain(self) -> None:
        """Called at each tick of the drain, for protocols that write headers of their own."""

    async def on_drained(self) -> None:
        """Called once the drain has ended, before connections are closed."""

    async def _drain(self) -> None:
        self.config.encoded_headers = [*self.config.encoded_headers, (b"connection", b"close")]
        quiet = 0
        for _ in range(DRAIN_TICKS):
            await self.on_tick(0)  # refreshes the default headers and the date of responses
            self.on_drain()
            await asyncio.sleep(TICK_SECONDS)
            quiet = 0 if self.server_state.connections else quiet + 1
            if quiet == IDLE_TICKS or self.force_exit:
                return
