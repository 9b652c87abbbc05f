"""TLS in front of a server that has none, and servers that fail at it."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from tests.integration.certificates import HOST, Pair

_SSL_REQUEST = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")
"""With this a client of PostgreSQL asks for TLS, before the handshake."""


@contextmanager
def serve_tls(pair: Pair, *, target: int | None = None, is_postgresql: bool = False) -> Iterator[int]:
    """Serves TLS with this certificate and forwards to a local port; without one it ends after the handshake.

    Yields the port. Nobody gets through without TLS.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)

    def accept(connection: socket.socket) -> None:
        with connection:
            if is_postgresql:
                if connection.recv(8) != _SSL_REQUEST:
                    return
                connection.sendall(b"S")
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                if target is not None:
                    _forward(secured, target)

    with _listen(accept) as port:
        yield port


@contextmanager
def _listen(accept: Callable[[socket.socket], None]) -> Iterator[int]:
    listener = socket.create_server((HOST, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            Thread(target=accept, args=(connection,), daemon=True).start()

    thread = Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _forward(near: ssl.SSLSocket, target: int) -> None:
    with socket.create_connection((HOST, target)) as far:
        back = Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for side in (source, sink):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
