"""One HTTP/1.1 connection to a service: a request goes out in one write, the answer is told as it is read."""

import asyncio
from collections.abc import Sequence
from typing import cast

import httptools

from gateway.http.headers import Header, closes_connection
from gateway.upstream.messages import OutboundHead, RequestBodySource, ResponseReceiver, UpstreamFailure

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class ConnectionOwner:
    """Gets a connection back; `host` and `prefix` (of all paths) are those of its address."""

    host: bytes
    prefix: bytes

    def release(self, connection: "UpstreamConnection") -> None:
        """The response has ended and the connection can carry another request."""
        raise NotImplementedError

    def remove(self, connection: "UpstreamConnection") -> None:
        """The connection is closed."""
        raise NotImplementedError


class ResponseHandler:
    """Hears of one response; a class and no Protocol, so that compiled calls stay direct."""

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
    """Carries one call at a time; `is_fresh` until the first has ended.

    An asyncio.Protocol by its methods; inheriting from it would keep the attributes in a dictionary.
    """

    def __init__(self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[Header] = []
        self._begin()
        self.handler: ResponseHandler | None = None
        self.tunnel: asyncio.Protocol | None = None
        self.is_new = True
        self.is_open = self._is_paused = False
        self.last_activity = 0.0
        """Of what was sent or read last, in the loop's seconds; infinite while nobody takes the answer."""

    def _begin(self) -> None:
        self._is_head_here = self._is_informational = self._ends_with_connection = False
        self._is_reset_due = self._is_for_head = False
        self._is_request_sent = self._is_framed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def start_request(self, request: ResponseHandler, head: OutboundHead) -> None:
        """Send the head of a request; the body, if any, is the caller's to send."""
        self._begin()
        self.handler = request
        self._is_request_sent = not head.has_body
        self._is_for_head = head.method == "HEAD"
        self.last_activity = self._loop.time()
        self._write(_format_head(head, self._owner))

    def send_body(self, data: bytes) -> None:
        """A part of the request's body, framed already."""
        self.last_activity = self._loop.time()
        self._write(data)

    def end_request(self) -> None:
        """The request is complete."""
        self._is_request_sent = True

    def pause(self) -> None:
        """Read no more for now."""
        if self.is_open and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self.last_activity = float("inf")

    def resume(self) -> None:
        """Read on."""
        if self.is_open and self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()
        self.last_activity = self._loop.time()

    def abort(self) -> None:
        """Close at once, telling nobody."""
        self.handler = None
        self.is_open = False
        self._owner.remove(self)
        if self._transport is not None:
            self._transport.abort()

    def fail(self, failure: UpstreamFailure) -> None:
        """Give up the call under way."""
        request = self.handler
        was_stale = not self.is_new and not self._is_head_here
        self.abort()
        if request is not None:
            request.on_failure(failure, was_stale=was_stale)

    def data_received(self, data: bytes) -> None:
        """As asyncio.Protocol."""
        if self.tunnel is not None:
            self.tunnel.data_received(data)
            return
        request = self.handler
        if request is None:  # nobody asked: whatever this is, the next answer must not begin with it
            self.abort()
            return
        self.last_activity = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            request.on_upgraded(self, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self.fail(UpstreamFailure.DISCONNECTED)
        if self._is_reset_due:
            self._parser = httptools.HttpResponseParser(self)
        request.receiver.on_flush()

    def eof_received(self) -> None:
        """As asyncio.Protocol."""

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio.Protocol; ends an answer that has no other end."""
        self.is_open = False
        if self.tunnel is not None:
            self.tunnel.connection_lost(exc)
            return
        request = self.handler
        if request is None:
            self._owner.remove(self)
        elif exc is None and self._ends_with_connection:
            self._finish()
            request.receiver.on_flush()
        else:
            self.fail(UpstreamFailure.DISCONNECTED)

    def pause_writing(self) -> None:
        """As asyncio.Protocol."""
        if self.handler is not None and self.handler.source is not None:
            self.handler.source.pause_sending()

    def resume_writing(self) -> None:
        """As asyncio.Protocol."""
        if self.handler is not None and self.handler.source is not None:
            self.handler.source.resume_sending()

    def on_message_begin(self) -> None:
        """The parser's."""
        self._headers = []
        self._is_framed = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        name = name.lower()
        self._headers.append((name, value))
        if name in _FRAMING:
            self._is_framed = True

    def on_headers_complete(self) -> None:
        """The parser's."""
        status = self._parser.get_status_code()
        self._is_informational = 100 <= status < 200 and status != 101
        if self._is_informational or self.handler is None:
            return
        self._is_head_here = True
        is_bodiless = self._is_for_head or status in (204, 304)
        self._ends_with_connection = not is_bodiless and not self._is_framed
        self.handler.on_head(status, self._headers)
        if self.handler is not None and self._is_for_head:
            self._is_reset_due = True
            self._finish()

    def on_body(self, body: bytes) -> None:
        """The parser's."""
        if self.handler is not None:
            self.handler.receiver.on_body(body)

    def on_message_complete(self) -> None:
        """The parser's."""
        if not self._is_informational and not self._parser.should_upgrade():
            self._finish()

    @property
    def transport(self) -> asyncio.Transport:
        """Of an open connection."""
        assert self._transport is not None
        return self._transport

    def _finish(self) -> None:
        request, self.handler = self.handler, None
        if request is None:
            return
        is_reusable = (
            self.is_open
            and self._is_request_sent
            and not self._ends_with_connection
            and self._parser.should_keep_alive()
        )
        self.is_new = False
        if self._is_paused:  # by the last bytes of the answer
            self.resume()
        if is_reusable:
            self._owner.release(self)
        else:
            self.abort()
            if closes_connection(self._headers):
                request.on_connection_closing()
        request.on_end()

    def _write(self, data: bytes) -> None:
        if self.is_open:  # else whoever still sends is about to hear of it
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
