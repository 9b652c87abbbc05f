"""The gateway's HTTP server: uvicorn on uvloop with our protocol."""

import gc
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from bookcore.kit.draining import DrainingServer
from gateway.downstream.connection import GatewayProtocol


class GatewayServer(DrainingServer):
    """Says when it accepts, and to whoever asks while it leaves that it does."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what is here now stays: looking through it again and again would only cost pauses
            self._on_started()

    def on_leaving(self) -> None:
        """As DrainingServer: the fast lane writes its headers itself."""
        for connection in self.server_state.connections:
            if isinstance(connection, GatewayProtocol):
                connection.is_draining = True


def build_config(app: FastAPI) -> uvicorn.Config:
    """How uvicorn runs the gateway."""
    return uvicorn.Config(
        app,
        http=GatewayProtocol,
        loop="uvloop",
        ws="none",  # tunnels are our own
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # else anyone on this machine could choose the address that limits go by
        timeout_graceful_shutdown=10,
        timeout_keep_alive=round(app.state.inside.limits.idle_seconds),
        server_header=False,
        lifespan="on",
    )


def serve(app: FastAPI, listener: socket.socket, *, on_started: Callable[[], None] = lambda: None) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is under way (at most 10 s)."""
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises it again once it has stopped
        signal.signal(number, lambda *_: None)
    GatewayServer(build_config(app), on_started=on_started).run(sockets=[listener])
