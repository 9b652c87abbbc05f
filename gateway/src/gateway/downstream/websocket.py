"""A WebSocket: once both ends have agreed, bytes pass both ways as they come, as fast as they are taken."""

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
from gateway.routing.match import match_target
from gateway.routing.routes import PUBLIC_PREFIX_BYTES, is_permitted
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import OutboundHead
from gateway.upstream.request import create_request

_MOST_EARLY = 262_144


def is_websocket_request(raw: bytes) -> bool:
    """Whether a request's whole head asks for a WebSocket."""
    return b"\r\nupgrade: websocket\r\n" in raw.lower()


class UpgradeClient(DownstreamConnection, Protocol):
    """The client's connection while it becomes a tunnel."""

    transport: asyncio.Transport

    def find_client(self, head: RequestHead) -> tuple[str, str]:
        """Network address and scheme of the client."""

    def refuse(self, slug: str, detail: str, headers: dict[str, str] | None = None) -> None:
        """Send a problem and close."""


class WebSocketTunnel(asyncio.Protocol):
    """As a Protocol it takes what the service's connection brings."""

    def __init__(self, inside: DownstreamContext, client: UpgradeClient, raw: bytes) -> None:
        self._inside, self._client = inside, client
        self._early = b""
        self._asking: FastExchange | None = None
        self._connection: UpstreamConnection | None = None
        self._is_over = False
        self._opening = asyncio.ensure_future(self._open(raw))

    def send_to_service(self, data: bytes) -> None:
        """Bytes for the service."""
        if self._connection is not None:
            self._connection.transport.write(data)
        else:
            self._early += data
            if len(self._early) > _MOST_EARLY:
                self._client.transport.abort()

    def pause_service(self) -> None:
        """The client reads slowly."""
        if self._connection is not None:
            self._connection.transport.pause_reading()

    def resume_service(self) -> None:
        """The client reads again."""
        if self._connection is not None:
            self._connection.transport.resume_reading()

    def disconnect(self) -> None:
        """The client is gone: so is the service's connection."""
        self._is_over = True
        self._opening.cancel()
        if self._connection is not None:
            self._connection.abort()
        elif self._asking is not None:
            self._asking.disconnect()

    def close(self) -> None:
        """The gateway stops."""
        self._client.transport.close()

    def data_received(self, data: bytes) -> None:
        """As asyncio.Protocol."""
        self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio.Protocol."""
        if not self._is_over:
            self._client.transport.close()

    def on_upgraded(self, connection: UpstreamConnection, rest: bytes) -> None:
        """The service switched protocols."""
        self._connection, connection.tunnel = connection, self
        if rest:
            self._client.transport.write(rest)
        if self._early:
            connection.transport.write(self._early)
            self._early = b""

    async def _open(self, raw: bytes) -> None:
        try:
            exchange = await self._visit(raw)
            upstream = self._inside.fast_path.handler.upstreams[exchange.match.route.service]
            asked = self._inside.fast_path.handler.build_outbound_head(exchange)
            passthrough = _UpgradeResponse(exchange, upstream.name, self._client)
            head = OutboundHead("GET", asked.target, asked.lines, upgrade=b"websocket")
            request = create_request(upstream, head, passthrough)
            request.upgrade_callback = self.on_upgraded
            exchange.source = passthrough.request = request
            self._asking = exchange
            request.attempt()
        except ProblemError as error:
            self._client.refuse(error.problem.slug, error.detail)
        except BookstreamError as error:
            self._client.refuse("unavailable", str(error))

    async def _visit(self, raw: bytes) -> FastExchange:
        headers, target = _parse_head(raw)
        head = RequestHead(headers)
        match = match_target(target)
        if match is None or not head.host:
            raise ProblemError("not-found", "no service answers at this address; /docs lists them")
        auth = await self._inside.authenticator.authenticate(head, self._client.find_client(head)[0])
        await self._inside.authenticator.count(auth)
        if not is_permitted(auth.caller.scopes, match.route, "GET"):
            raise ProblemError("forbidden", f"requires the scope {match.route.read_scope}")
        exchange = FastExchange(match, head, auth, connection=self._client, raw=raw)
        trace_id, exchange.traceparent = self._inside.fast_path.handler.tracer.start_span(head.trace)
        exchange.request_id = head.request_id or trace_id
        return exchange


class _UpgradeResponse(Passthrough):
    """Passes a 101 on as it is, and anything else as an ordinary answer, after which the connection ends."""

    def __init__(self, exchange: FastExchange, service: str, client: UpgradeClient) -> None:
        super().__init__(exchange, service, note=b"fwd=bypass")
        self._client = client
        client.is_draining = True  # whatever comes after an answer that is no 101 isn't HTTP for us

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
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
    reader = _HeadParser()
    try:
        httptools.HttpRequestParser(reader).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise ProblemError("bad-request", "the bytes of the request are not HTTP/1.1") from error
    if get_first(reader.headers, b"content-length") or get_first(reader.headers, b"transfer-encoding"):
        raise ProblemError("bad-request", "a request for a WebSocket has no body")
    return reader.headers, reader.target
