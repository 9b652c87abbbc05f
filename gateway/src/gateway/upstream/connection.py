"""One HTTP/1.1 connection to a service."""

import asyncio
from collections.abc import Sequence
from typing import Final, cast

import httptools

from gateway.http.headers import (
    ADDRESS_HEADERS,
    Header,
    is_connection_closing,
    replace_addresses,
    strip_origin,
)
from gateway.upstream.messages import OutboundHead, RequestBodySource, ResponseReceiver, UpstreamFailure

NEW: Final = 0
"""Connecting, or connected and never used."""
ACTIVE: Final = 1
"""A request or its response is under way."""
IDLE: Final = 2
"""In the pool, after a complete response."""
UPGRADED: Final = 3
CLOSED: Final = 4
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class ConnectionOwner:
    """The pool of a connection; `host` and `prefix` (of all paths) are those of its address."""

    host: bytes
    prefix: bytes

    def release(self, connection: "UpstreamConnection") -> None:
        """The response has ended and the connection can carry another request."""
        raise NotImplementedError

    def remove(self, connection: "UpstreamConnection") -> None:
        """The connection is closed."""
        raise NotImplementedError


class ResponseHandler:
    """Handles one response; a class and not a Protocol, so that compiled calls are direct."""

    __slots__ = ("receiver", "source")

    receiver: ResponseReceiver
    source: RequestBodySource | None

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """Status and headers are complete."""
        raise NotImplementedError

    def on_end(self) -> None:
        """The body is complete."""
        raise NotImplementedError

    def on_failure(self, failure: UpstreamFailure, *, was_stale: bool = False) -> None:
        """No more will come; `was_stale` when an idle connection turned out to be closed."""
        raise NotImplementedError

    def on_upgraded(self, connection: "UpstreamConnection", rest: bytes) -> None:
        """The service switched protocols; `rest` came with the head already."""
        raise NotImplementedError

    def on_connection_closing(self) -> None:
        """The service closes the connection behind this response."""
        raise NotImplementedError


class UpstreamConnection:
    """Carries one request at a time.

    An asyncio.Protocol by its methods; inheriting from it would keep the attributes in a dictionary.
    """

    def __init__(self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._state = NEW
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[Header] = []
        self._reset_response()
        self.handler: ResponseHandler | None = None
        self._upgraded_protocol: asyncio.Protocol | None = None
        self._is_reused = self._is_paused = False
        self.last_activity = 0.0
        """The last read or write, in the loop's seconds; infinite while reading is paused."""

    @property
    def is_open(self) -> bool:
        return self._state != CLOSED

    @property
    def transport(self) -> asyncio.Transport:
        """Of an open connection."""
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def start_request(self, handler: ResponseHandler, head: OutboundHead) -> None:
        """Sends the head of a request; its owner sends the body, if any."""
        self._reset_response()
        self._set_state(ACTIVE)
        self.handler = handler
        self._is_request_sent = not head.has_body
        self._is_for_head = head.method == "HEAD"
        self.last_activity = self._loop.time()
        self._write(_format_head(head, self._owner))

    def send_body(self, data: bytes) -> None:
        """Sends a part of the request's body, framed already."""
        self.last_activity = self._loop.time()
        self._write(data)

    def end_request(self) -> None:
        """The request is complete."""
        self._is_request_sent = True

    def upgrade(self, protocol: asyncio.Protocol) -> None:
        """From now on all bytes are for that protocol."""
        self.handler = None
        self._upgraded_protocol = protocol
        self._set_state(UPGRADED)

    def pause(self) -> None:
        """Stops reading, for backpressure."""
        if self.is_open and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self.last_activity = float("inf")

    def resume(self) -> None:
        """Reads again."""
        if self.is_open and self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()
        self.last_activity = self._loop.time()

    def abort(self) -> None:
        """Closes at once without telling the handler."""
        self.handler = None
        self._set_state(CLOSED)
        self._owner.remove(self)
        if self._transport is not None:
            self._transport.abort()

    def fail(self, failure: UpstreamFailure) -> None:
        """Closes and tells the handler."""
        handler = self.handler
        was_stale = self._is_reused and not self._has_head
        self.abort()
        if handler is not None:
            handler.on_failure(failure, was_stale=was_stale)

    def data_received(self, data: bytes) -> None:
        if self._state == UPGRADED and self._upgraded_protocol is not None:
            self._upgraded_protocol.data_received(data)
            return
        handler = self.handler
        if handler is None:  # bytes without a request: the next response must not begin with them
            self.abort()
            return
        self.last_activity = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            handler.on_upgraded(self, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self.fail(UpstreamFailure.DISCONNECTED)
        if self._is_reset_due:
            self._parser = httptools.HttpResponseParser(self)
        handler.receiver.on_flush()

    def eof_received(self) -> None:
        """The connection closes; `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        is_upgraded = self._state == UPGRADED
        self._set_state(CLOSED)
        if is_upgraded and self._upgraded_protocol is not None:
            self._upgraded_protocol.connection_lost(exc)
            return
        handler = self.handler
        if handler is None:
            self._owner.remove(self)
        elif exc is None and self._ends_with_connection:
            self._finish()
            handler.receiver.on_flush()
        else:
            self.fail(UpstreamFailure.DISCONNECTED)

    def pause_writing(self) -> None:
        if self.handler is not None and self.handler.source is not None:
            self.handler.source.pause_sending()

    def resume_writing(self) -> None:
        if self.handler is not None and self.handler.source is not None:
            self.handler.source.resume_sending()

    def on_message_begin(self) -> None:
        self._headers = []
        self._is_framed = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in ADDRESS_HEADERS:
            value = self._hide_own_address((name, value))
        self._headers.append((name, value))
        if name in _FRAMING:
            self._is_framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._is_informational = 100 <= status < 200 and status != 101
        if self._is_informational or self.handler is None:
            return
        self._has_head = True
        is_bodiless = self._is_for_head or status in (204, 304)
        self._ends_with_connection = not is_bodiless and not self._is_framed
        self.handler.on_head(status, self._headers)
        if self.handler is not None and self._is_for_head:
            self._is_reset_due = True
            self._finish()

    def on_body(self, body: bytes) -> None:
        if self.handler is not None:
            self.handler.receiver.on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_informational and not self._parser.should_upgrade():
            self._finish()

    def _hide_own_address(self, header: Header) -> bytes:
        host, prefix = self._owner.host, self._owner.prefix
        return replace_addresses(header, lambda address: strip_origin(address, host, prefix))

    def _set_state(self, state: int) -> None:
        """NEW, ACTIVE and IDLE alternate; UPGRADED and CLOSED only advance."""
        if self._state < UPGRADED or state > self._state:
            self._state = state

    def _reset_response(self) -> None:
        self._has_head = self._is_informational = self._ends_with_connection = False
        self._is_reset_due = self._is_for_head = False
        self._is_request_sent = self._is_framed = False

    def _finish(self) -> None:
        handler, self.handler = self.handler, None
        if handler is None:
            return
        is_reusable = (
            self.is_open
            and self._is_request_sent
            and not self._ends_with_connection
            and self._parser.should_keep_alive()
        )
        self._is_reused = True
        if self._is_paused:  # by the last bytes of the response
            self.resume()
        if is_reusable:
            self._set_state(IDLE)
            self._owner.release(self)
        else:
            self.abort()
            if is_connection_closing(self._headers):
                handler.on_connection_closing()
        handler.on_end()

    def _write(self, data: bytes) -> None:
        if self.is_open:  # the handler of a closed connection is notified separately
            self.transport.write(data)


def _format_head(head: OutboundHead, owner: ConnectionOwner) -> bytes:
    if not head.has_body:
        extra = b"connection: upgrade\r\nupgrade: %b\r\n" % head.upgrade if head.upgrade else b""
        if head.method not in ("GET", "HEAD", "OPTIONS"):
            extra += b"content-length: 0\r\n"
    elif head.body_length is None:
        extra = b"transfer-encoding: chunked\r\n"
    else:
        extra = b"content-length: %d\r\n" % head.body_length
    return b"%b %b%b HTTP/1.1\r\nhost: %b\r\n%b%b\r\n" % (
        head.method.encode(),
        owner.prefix,
        head.target,
        owner.host,
        extra,
        head.lines,
    )
