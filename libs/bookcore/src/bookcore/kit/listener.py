"""Listening TCP sockets."""

import socket

from bookcore.domain.errors import Unavailable


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening TCP socket; port 0 picks a free one. `shared` sets SO_REUSEPORT.

    Raises: Unavailable with the port when it is in use or not allowed.
    """
    listener = socket.socket(choose_address_family(host))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # asyncio sets this only on its own sockets; without it a response waits up to 40 ms for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot listen on {host}:{port} ({reason}); choose another port") from error
    return listener


def choose_address_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
