"""The admin port: metrics and health checks of the gateway, and nothing else.

Whoever may connect may read, so it belongs on an address that only operators reach. Each of several workers
listens on the port; whichever gets the connection answers for all.
"""

import asyncio
import socket
from functools import partial

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bookcore.kit.problem import PROBLEMS, build_problem_response
from gateway.http.scope import mark_admin_port

_PATHS = frozenset({"/metrics", "/health/live", "/health/ready"})


class AdminApp:
    """Passes requests of its paths to the gateway's app, marked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _PATHS:
            mark_admin_port(scope)
            await self._app(scope, receive, send)
            return
        response = build_problem_response(PROBLEMS["not-found"], "this port has /metrics and /health only")
        await response(scope, receive, send)


class AdminPort:
    """Serves on a listening socket, which it closes, in the event loop of `open`."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._config = uvicorn.Config(
            AdminApp(app),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
        )
        self._listener, self._state = listener, ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Accepts connections."""
        self._config.load()
        create_protocol = partial(HttpToolsProtocol, self._config, self._state, {})
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(create_protocol, sock=self._listener)

    def close(self) -> None:
        """Accepts no more; a response under way is completed."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
