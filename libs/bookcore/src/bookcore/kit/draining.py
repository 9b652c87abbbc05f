"""How a server leaves without losing a request that is on its way to it.

Uvicorn alone closes every idle connection at once, and whatever is being sent on one just then is lost: a
client may send a GET again, but no POST. Here each answer says `Connection: close` for a moment first, on old
and on new connections, so that whoever keeps connections (the gateway) takes the hint and turns elsewhere.
"""

import asyncio
import socket

import uvicorn

DRAIN_TICKS, IDLE_TICKS, TICK_SECONDS = 10, 2, 0.1
"""The moment is a second at most, and over once nobody has been connected for two ticks."""


class DrainingServer(uvicorn.Server):
    """After the moment it goes on as uvicorn does; a second signal ends it at once."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await self._drain()
        await super().shutdown(sockets)

    def on_drain(self) -> None:
        """Called with each tick of the moment, for protocols that write headers of their own."""

    async def _drain(self) -> None:
        self.config.encoded_headers = [*self.config.encoded_headers, (b"connection", b"close")]
        quiet = 0
        for _ in range(DRAIN_TICKS):
            await self.on_tick(0)  # puts the headers, and the date of now, where answers take them from
            self.on_drain()
            await asyncio.sleep(TICK_SECONDS)
            quiet = 0 if self.server_state.connections else quiet + 1
            if quiet == IDLE_TICKS or self.force_exit:
                return
