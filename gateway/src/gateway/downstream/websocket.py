"""WebSockets: after the upgrade, bytes are copied both ways with backpressure."""

import asyncio
from collections.abc import Sequence, Set
from time import perf_counter
from typing import NamedTuple, Protocol
from urllib.parse import unquote

import httptools

from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from bookcore.kit.problem import ProblemError
from gateway.downstream.context import DownstreamContext
from gateway.downstream.fast_exchange import DownstreamConnection, FastExchange
from gateway.downstream.refusal import RequestOrigin
from gateway.downstream.strictness import find_violation
from gateway.http.headers import Header, filter_response_headers, list_tokens
from gateway.http.network_key import build_network_key
from gateway.http.request_head import RequestHead
from gateway.proxy.passthrough import Passthrough
from gateway.routing.match import match_target
from gateway.routing.routes import PUBLIC_PREFIX, PUBLIC_PREFIX_BYTES
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.messages import OutboundHead
from gateway.upstream.request import create_request

_log = get_logger(__name__)
_MAX_EARLY_BYTES = 262_144


class WebSocketRequest(NamedTuple):
    """A complete request head that asks for a WebSocket, at a path that has one."""

    raw: bytes
    target: bytes
    head: RequestHead


def parse_websocket_request(raw: bytes, paths: Set[str]) -> WebSocketRequest | None:
    """None for any other request; an Upgrade that no path offers is ignored, as RFC 9110 permits."""
    if not paths or b"websocket" not in raw.lower():
        return None
    parsed = _parse_head(raw)
    if parsed is None or unquote(parsed.target.partition(b"?")[0].decode("latin-1")) not in paths:
        return None
    is_upgrade = b"upgrade" in list_tokens(parsed.headers, b"connection")
    if not is_upgrade or b"websocket" not in list_tokens(parsed.headers, b"upgrade"):
        return None
    return WebSocketRequest(raw, parsed.target, RequestHead(parsed.headers))


class UpgradeClient(DownstreamConnection, Protocol):
    """The client's connection while it becomes a tunnel."""

    transport: asyncio.Transport

    def find_client(self, head: RequestHead) -> tuple[str, str]:
        """Network address and scheme of the client."""

    def refuse(
        self,
        slug: str,
        detail: str,
        headers: dict[str, str] | None = None,
        *,
        origin: RequestOrigin | None = None,
    ) -> None:
        """Sends a problem and closes."""


class WebSocketTunnel(asyncio.Protocol):
    """Copies bytes between client and service; the asyncio protocol of the service's connection.

    Counted when it opens and when it closes; it has a limit of its own per caller and network.
    """

    def __init__(self, context: DownstreamContext, client: UpgradeClient, request: WebSocketRequest) -> None:
        self._context, self._client, self._request = context, client, request
        self._opened_at = 0.0
        self._holder: tuple[str, str] | None = None
        """Caller and network for whom the WebSocket counts until it closes."""
        self._byte_counts = [0, 0]
        """From the client, and from the service."""
        self._early_data = b""
        self._exchange: FastExchange | None = None
        self._connection: UpstreamConnection | None = None
        self._is_closed = False
        self._opening = asyncio.ensure_future(self._open())

    def send_to_service(self, data: bytes) -> None:
        """Data that arrives before the upgrade is buffered up to a bound."""
        self._byte_counts[0] += len(data)
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
        self._record_close()
        self._opening.cancel()
        if self._connection is not None:
            self._connection.abort()
        elif self._exchange is not None:
            self._exchange.disconnect()

    def close(self) -> None:
        """Closes the client's connection, when the gateway stops."""
        self._client.transport.close()

    def data_received(self, data: bytes) -> None:
        self._byte_counts[1] += len(data)
        self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_closed:
            self._client.transport.close()

    def on_upgraded(self, connection: UpstreamConnection, rest: bytes) -> None:
        """The service accepted; `rest` came with its response head."""
        self._connection = connection
        connection.upgrade(self)
        if self._is_closed or self._exchange is None:
            connection.abort()
            return
        self._record_open(self._exchange)
        if rest:
            self.data_received(rest)
        if self._early_data:
            connection.transport.write(self._early_data)
            self._early_data = b""

    def _record_open(self, exchange: FastExchange) -> None:
        self._opened_at = perf_counter()
        exchange.status = 101
        self._context.record_exchange(exchange)
        self._context.recorder.websockets_opened += 1

    def _record_close(self) -> None:
        if self._holder is not None:
            self._context.websocket_limit.release(*self._holder)
            self._holder = None
        if not self._opened_at or self._exchange is None:
            return
        seconds, self._opened_at = perf_counter() - self._opened_at, 0.0
        self._context.recorder.websockets_closed += 1
        if self._context.recorder.log is not None:
            _log.info(
                "websocket closed",
                path=PUBLIC_PREFIX + self._exchange.match.path,
                seconds=round(seconds, 3),
                bytes_from_client=self._byte_counts[0],
                bytes_from_service=self._byte_counts[1],
                request_id=self._exchange.request_id.decode("latin-1"),
                user_id=self._exchange.auth.caller.user_id,
                address=self._client.find_address(self._request.head),
            )

    async def _open(self) -> None:
        address = self._client.find_address(self._request.head)
        origin = RequestOrigin("GET", self._request.target, address)
        try:
            exchange = await self._create_exchange(address)
            handler = self._context.handler
            upstream = handler.upstreams[exchange.match.route.service]
            plain = handler.build_outbound_head(exchange)
            response = _UpgradeResponse(exchange, upstream.name, self._client)
            head = OutboundHead("GET", plain.target, plain.lines, upgrade=b"websocket")
            request = create_request(upstream, head, response, handler.build_holder(exchange))
            request.upgrade_callback = self.on_upgraded
            exchange.source = response.request = request
            self._exchange = exchange
            request.attempt()
        except ProblemError as error:
            self._client.refuse(error.problem.slug, error.detail, error.headers, origin=origin)
        except BookstreamError as error:
            self._client.refuse("unavailable", str(error), origin=origin)

    async def _create_exchange(self, address: str) -> FastExchange:
        raw, target, head = self._request
        if find_violation(head, target, "1.1") is not None or head.body_length != 0:
            raise ProblemError("bad-request", "a WebSocket request has one Host header and no body")
        match = match_target(target)
        auth, problem = await self._context.auth.authorize("GET", match, head, address)
        await self._context.auth.count(auth)
        if problem is not None or match is None:
            raise problem or ProblemError("not-found", "no service has this path")
        exchange = FastExchange(match, head, auth, connection=self._client, raw=raw)
        holder = auth.caller.user_id, build_network_key(address, self._context.handler.ipv6_prefix)
        if not self._context.websocket_limit.has_room(*holder):
            detail = "too many open WebSockets of yours; close one first"
            raise ProblemError("too-many-requests", detail, headers={"Retry-After": "10"})
        self._context.websocket_limit.acquire(*holder)
        self._holder = holder
        exchange.trace = head.trace
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


def _parse_head(raw: bytes) -> _HeadParser | None:
    parser = _HeadParser()
    try:
        httptools.HttpRequestParser(parser).feed_data(raw)
    except httptools.HttpParserUpgrade:
        return parser
    except httptools.HttpParserError:
        return None
    return parser
