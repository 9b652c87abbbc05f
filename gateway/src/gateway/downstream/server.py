"""The gateway's HTTP server: uvicorn on uvloop with GatewayProtocol and Acceptors."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import FastAPI

from bookcore.kit.draining import DrainingServer
from gateway.downstream.acceptor import Acceptor
from gateway.downstream.compact_protocol import create_blank
from gateway.downstream.connection import GatewayProtocol
from gateway.downstream.context import DownstreamContext


class GatewayServer(DrainingServer):
    """Calls `on_started` once it accepts connections; while draining, responses say `Connection: close`."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_started: Callable[["GatewayServer"], None],
        on_leave: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config, on_leave=on_leave)
        self._on_started = on_started
        self._acceptors: dict[int, Acceptor] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        if self.started:
            for listener in sockets or ():
                self.accept_on(listener)
            self._on_started(self)

    def accept_on(self, listener: socket.socket) -> None:
        """Accepts connections of this listening socket too."""
        context: DownstreamContext = self.config.app.state.downstream  # type: ignore[union-attr]  # the app is ours
        context.connections.watch(lambda: self.server_state.connections)
        blank = create_blank(self.config, self.server_state, self.lifespan.state)
        blank.server = listener.getsockname()[:2]

        def create_protocol(peer: tuple[str, int]) -> GatewayProtocol:
            return GatewayProtocol(blank, context, peer)

        loop = asyncio.get_running_loop()
        self._acceptors[listener.fileno()] = Acceptor(listener, create_protocol, loop)

    def stop_accepting_on(self, listener: socket.socket) -> None:
        """Leaves the listening socket to another process; its open connections stay."""
        acceptor = self._acceptors.pop(listener.fileno(), None)
        if acceptor is not None:
            acceptor.close()

    async def on_drained(self) -> None:
        """Stops accepting; connections that were queued are served and closed like all others."""
        for acceptor in self._acceptors.values():
            acceptor.close()
            await acceptor.wait_closed()

    def on_drain(self) -> None:
        """The fast path writes its own headers, so each connection must know."""
        for connection in self.server_state.connections:
            if isinstance(connection, GatewayProtocol):
                connection.is_draining = True


def build_config(app: FastAPI) -> uvicorn.Config:
    """uvicorn's configuration for the gateway."""
    return uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",  # WebSockets are tunnelled by GatewayProtocol
        log_level="warning",
        access_log=False,
        log_config=None,  # its loggers write as all others do
        proxy_headers=False,  # else any local client could choose the address that limits count
        timeout_graceful_shutdown=10,
        timeout_keep_alive=round(app.state.downstream.limits.idle_seconds),
        server_header=False,
        lifespan="on",
    )


def serve(
    app: FastAPI,
    listeners: Sequence[socket.socket],
    *,
    on_started: Callable[[GatewayServer], None] = lambda _: None,
) -> None:
    """Serves until SIGTERM or SIGINT, then drains for at most 10 s."""
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises it again once it has stopped
        signal.signal(number, lambda *_: None)

    def start(server: GatewayServer) -> None:
        gc.collect()
        gc.freeze()  # objects from startup live as long as the process: garbage collections skip them
        on_started(server)

    leave = app.state.admin.health.leave
    GatewayServer(build_config(app), on_started=start, on_leave=leave).run(sockets=list(listeners))
