"""A service that costs next to nothing, so that the gateway before it is measured.

`python -m bench.gateway_service PORT [STATUS]`: answers every request with the same 2 kB of JSON.
"""

import asyncio
import sys
from email.utils import formatdate
from typing import cast

import uvloop

BODY = b'{"books":[' + b'{"title":"A Light in the Attic","price":"51.77"},' * 42 + b"{}]}"


class Service(asyncio.Protocol):
    """Counts request heads and responds to each."""

    def __init__(self, status: str) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: max-age=3600\r\n"
        head += f"date: {formatdate(usegmt=True)}\r\n"  # without it Envoy keeps nothing
        self._answer = f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(self._answer * data.count(b"\r\n\r\n"))


async def serve(port: int, status: str) -> None:
    """Serves forever."""
    server = await asyncio.get_running_loop().create_server(lambda: Service(status), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "200 OK"))
