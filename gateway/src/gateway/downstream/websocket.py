"""WebSockets: after the upgrade, bytes are copied both ways with backpressure."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import httptools

from bookcore.domain.errors import BookstreamError
from bookcore.kit.problem import ProblemError
from gateway.downstream.context import DownstreamContext
from gateway.downstream.fast_exchange import DownstreamConnection, FastExchange
from gateway.http.headers import Header, filter_response_headers, get_first
from gateway.http.request_head import RequestHead
from gateway.proxy.passthrough import Passthrough
from gateway.routing.match import is_routed, match_target
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import OutboundHead
from gateway.upstream.request import create_request

_MAX_EARLY_BYTES = 262_144


def is_websocket_request(raw: bytes) -> bool:
    """Whether a complete request head asks for a WebSocket."""
    return b"\r\nupgrade: websocket\r\n" in raw.lower()


class UpgradeClient(DownstreamConnection, Protocol):
    """The client's connection while it becomes a tunnel."""

    transport: asyncio.Transport

    def find_client(self, head: RequestHead) -> tuple[str, str]:
        """Network address and scheme of the client."""

    def refuse(self, slug: str, detail: str, headers: dict[str, str] | None = None) -> None:
        """Sends a problem and closes."""


class WebSocketTunnel(asyncio.Protocol):
    """Copies bytes between client and service; the asyncio protocol of the service's connection."""

    def __init__(self, context: DownstreamContext, client: UpgradeClient, raw: bytes) -> None:
        self._context, self._client = context, client
        self._early_data = b""
        self._exchange: FastExchange | None = None
        self._connection: UpstreamConnection | None = None
        self._is_closed = False
        self._opening = asyncio.ensure_future(self._open(raw))

    def send_to_service(self, data: bytes) -> None:
        """Data that arrives before the upgrade is buffered up to a bound."""
        if self._connection is not None:
            self._connection.transport.write(data)
        else:
            self._early_data += data
            if len(self._early_data) > _MAX_EARLY_BYTES:
                self._client.transport.abort()

    def pause_service(self) -> None:
        """Backpressure from a slow client."""
        if self._connection is not None:
            self._connection.transport.pause_reading()

    def resume_service(self) -> None:
        """The client's write buffer has drained."""
        if self._connection is not None:
            self._connection.transport.resume_reading()

    def disconnect(self) -> None:
        """The client disconnected; closes the service's connection too."""
        self._is_closed = True
        self._opening.cancel()
        if self._connection is not None:
            self._connection.abort()
        elif self._exchange is not None:
            self._exchange.disconnect()

    def close(self) -> None:
        """Closes the client's connection, when the gateway stops."""
        self._client.transport.close()

    def data_received(self, data: bytes) -> None:
        self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_closed:
            self._client.transport.close()

    def on_upgraded(self, connection: UpstreamConnection, rest: bytes) -> None:
        """The service accepted; `rest` came with its response head."""
        self._connection = connection
        connection.upgrade(self)
        if rest:
            self._client.transport.write(rest)
        if self._early_data:
            connection.transport.write(self._early_data)
            self._early_data = b""

    async def _open(self, raw: bytes) -> None:
        try:
            exchange = await self._create_exchange(raw)
            handler = self._context.handler
            upstream = handler.upstreams[exchange.match.route.service]
            plain = handler.build_outbound_head(exchange)
            response = _UpgradeResponse(exchange, upstream.name, self._client)
            head = OutboundHead("GET", plain.target, plain.lines, upgrade=b"websocket")
            request = create_request(upstream, head, response)
            request.upgrade_callback = self.on_upgraded
            exchange.source = response.request = request
            self._exchange = exchange
            request.attempt()
        except ProblemError as error:
            self._client.refuse(error.problem.slug, error.detail, error.headers)
        except BookstreamError as error:
            self._client.refuse("unavailable", str(error))

    async def _create_exchange(self, raw: bytes) -> FastExchange:
        headers, target = _parse_head(raw)
        head = RequestHead(headers)
        if not is_routed(target):
            raise ProblemError("not-found", "no service has this path; /docs lists all operations")
        match, address = match_target(target), self._client.find_client(head)[0]
        auth, problem = await self._context.auth.authorize("GET", match, head, address)
        await self._context.auth.count(auth)
        if problem is not None or match is None:
            raise problem or ProblemError("not-found", "no service has this path")
        exchange = FastExchange(match, head, auth, connection=self._client, raw=raw)
        trace_id, exchange.traceparent = self._context.tracer.start_span(head.trace)
        exchange.request_id = head.request_id or trace_id
        return exchange


class _UpgradeResponse(Passthrough):
    """Passes a 101 on unchanged; any other response is relayed, then the connection closes."""

    def __init__(self, exchange: FastExchange, service: str, client: UpgradeClient) -> None:
        super().__init__(exchange, service, note=b"fwd=bypass")
        self._client = client
        client.is_draining = True  # after a response that is no 101 the client's bytes are not HTTP

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        if status != 101:
            super().on_head(status, headers)
            return
        lines = [
            *filter_response_headers(headers, PUBLIC_PREFIX_BYTES),
            (b"connection", b"upgrade"),
            (b"upgrade", b"websocket"),
        ]
        text = b"".join(b"%b: %b\r\n" % header for header in lines)
        self._client.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % text)


class _HeadParser:
    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.target = b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def _parse_head(raw: bytes) -> tuple[list[Header], bytes]:
    parser = _HeadParser()
    try:
        httptools.HttpRequestParser(parser).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise ProblemError("bad-request", "the request is not valid HTTP/1.1") from error
    if [name for name, _ in parser.headers].count(b"host") != 1:
        raise ProblemError("bad-request", "send one Host header that names a host")
    if get_first(parser.headers, b"content-length") or get_first(parser.headers, b"transfer-encoding"):
        raise ProblemError("bad-request", "a WebSocket request must not have a body")
    return parser.headers, parser.target
