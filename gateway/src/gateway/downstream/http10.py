"""Responses to HTTP/1.0 clients, which know no chunks: a body of unknown length ends with the connection."""

import socket
import struct
from typing import cast

from starlette.types import Message
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.http.headers import get_first

_RESET = struct.pack("ii", 1, 0)
_FRAMING = frozenset({b"connection", b"transfer-encoding"})


class _ClosingTransport:
    """Closes by a reset while the response is incomplete, so that it does not look complete."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle, self._transport = cycle, cycle.transport

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        if self._cycle.response_complete:
            self._transport.close()
        else:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()


class Http10Sender:
    """The ASGI send of one response, in place of uvicorn's; `wants_keep_alive` when the client asked for it.

    Only a response with a Content-Length can leave the connection open.
    """

    def __init__(self, cycle: RequestResponseCycle, *, wants_keep_alive: bool) -> None:
        self._cycle, self._send, self._wants_keep_alive = cycle, cycle.send, wants_keep_alive
        self._is_unframed = False
        cycle.waiting_for_100_continue = False

    async def send(self, message: ASGISendEvent) -> None:
        event: Message = dict(message)
        if event["type"] == "http.response.start":
            event = self._frame(event)
        if self._is_unframed:
            await self._send_unframed(event)
        else:
            await self._send(cast(ASGISendEvent, event))

    def _frame(self, message: Message) -> Message:
        headers = [(name.lower(), value) for name, value in message.get("headers", ())]
        is_bodiless = self._cycle.scope["method"] == "HEAD" or message["status"] in (204, 304)
        has_length = is_bodiless or get_first(headers, b"content-length") is not None
        is_closing = (get_first(headers, b"connection") or b"").lower() == b"close"
        framed = [header for header in headers if header[0] not in _FRAMING]
        self._is_unframed = not has_length
        self._cycle.keep_alive = has_length and self._wants_keep_alive and not is_closing
        framed.append((b"connection", b"keep-alive" if self._cycle.keep_alive else b"close"))
        return {**message, "headers": framed}

    async def _send_unframed(self, message: Message) -> None:
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        if message["type"] == "http.response.start":
            cycle.transport.write(self._build_head(message))
            cycle.transport = _ClosingTransport(cycle)  # type: ignore[assignment]  # all that a cycle uses
            cycle.response_started = True
            return
        cycle.transport.write(message.get("body", b""))
        if not message.get("more_body", False):
            cycle.response_complete = True
            cycle.message_event.set()
            cycle.transport.close()
            cycle.on_response()

    def _build_head(self, message: Message) -> bytes:
        headers = [*self._cycle.default_headers, *message["headers"]]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"%b%b\r\n" % (STATUS_LINE[message["status"]], lines)


def adapt_cycle(cycle: RequestResponseCycle, *, wants_keep_alive: bool) -> None:
    """Makes the cycle answer an HTTP/1.0 client; before its ASGI task runs."""
    sender = Http10Sender(cycle, wants_keep_alive=wants_keep_alive)
    cycle.send = sender.send  # type: ignore[method-assign]  # of this response only
