"""Server process: binds before it prints its address, exits with 0 at SIGINT or SIGTERM."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 1
HIGHEST_PORT = 65_535


class ListenError(Exception):
    """The address can't be used; the message names it and a remedy."""


def listen(host: str, port: int) -> socket.socket:
    """Port 0 takes any free one. Raises CannotListen."""
    if not 0 <= port <= HIGHEST_PORT:
        raise ListenError(f"port {port} does not exist; choose one from 0 to {HIGHEST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
        # Connections inherit it. asyncio sets it only where the protocol number is given, which create_server
        # leaves 0; without it each answer waits 40 ms for the client's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ListenError(_find_remedy(host, port, error)) from error
    return listener


def _find_remedy(host: str, port: int, error: OSError) -> str:
    if "in use" in str(error).lower():
        return f"port {port} on {host} is in use; choose another with --port, or any free one with --port 0"
    reason = error.strerror or error
    return f"cannot listen on {host} port {port}: {reason}; choose others with --host and --port"


def format_address(listener: socket.socket) -> str:
    """URL of the listener, with its actual port."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run(app: ASGIApp, listener: socket.socket, *, announce: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM.

    uvicorn raises the signal again once it has stopped; there it means nothing more.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_relevant)
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: None)
    announce(format_address(listener))
    uvicorn.Server(config).run(sockets=[listener])


def _is_relevant(line: logging.LogRecord) -> bool:
    """Cancelled slow and endless responses at a stop are no errors."""
    if line.exc_info and isinstance(line.exc_info[1], asyncio.CancelledError):
        return False
    return not str(line.msg).startswith("Cancel ")
