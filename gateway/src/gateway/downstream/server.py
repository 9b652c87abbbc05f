"""The gateway's HTTP server: uvicorn on uvloop with GatewayProtocol."""

import gc
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from bookcore.kit.draining import DrainingServer
from gateway.downstream.connection import GatewayProtocol


class GatewayServer(DrainingServer):
    """Calls `on_started` once it accepts connections; while draining, responses say `Connection: close`."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # objects from startup live as long as the process: garbage collections skip them
            self._on_started()

    def on_leaving(self) -> None:
        """The fast path writes its own headers, so each connection must know."""
        for connection in self.server_state.connections:
            if isinstance(connection, GatewayProtocol):
                connection.is_draining = True


def build_config(app: FastAPI) -> uvicorn.Config:
    """uvicorn's configuration for the gateway."""
    return uvicorn.Config(
        app,
        http=GatewayProtocol,
        loop="uvloop",
        ws="none",  # WebSockets are tunnelled by GatewayProtocol
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # else any local client could choose the address that limits count
        timeout_graceful_shutdown=10,
        timeout_keep_alive=round(app.state.downstream.limits.idle_seconds),
        server_header=False,
        lifespan="on",
    )


def serve(app: FastAPI, listener: socket.socket, *, on_started: Callable[[], None] = lambda: None) -> None:
    """Serves until SIGTERM or SIGINT, then drains for at most 10 s."""
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises it again once it has stopped
        signal.signal(number, lambda *_: None)
    GatewayServer(build_config(app), on_started=on_started).run(sockets=[listener])
