"""A client's connection: uvicorn's HTTP/1.1 protocol with the fast path in front, and stricter.

Requests of the fast path never reach uvicorn; all others do. One of the two is in use at a time, so that
pipelined requests are answered in order.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.downstream.compact_protocol import CompactProtocol
from gateway.downstream.connection_state import ASGI, CLOSED, FAST, READING_HEAD, REFUSED, TUNNEL
from gateway.downstream.context import DownstreamContext
from gateway.downstream.fast_exchange import FastExchange
from gateway.downstream.http10 import adapt_cycle
from gateway.downstream.refusal import RequestOrigin, build_refusal
from gateway.downstream.slow_reader import ReadProgress
from gateway.downstream.strictness import (
    ADDRESS_LIMITED,
    HEAD_TOO_LARGE,
    TARGET_TOO_LONG,
    UNLIMITED_TARGETS,
    find_violation,
    measure_headers,
    resolve_target,
)
from gateway.downstream.websocket import WebSocketTunnel, parse_websocket_request
from gateway.http.client_address import format_address
from gateway.http.request_head import RequestHead
from gateway.routing.match import MAX_TARGET_BYTES
from gateway.routing.routes import PUBLIC_PREFIX, PUBLIC_PREFIX_BYTES

_MAX_BUFFERED_BYTES, _MAX_DROPPED_BYTES = 262_144, 16_777_216
_COMPACT_SECONDS = 1.0


class GatewayProtocol(CompactProtocol):
    """Created for each accepted connection.

    Draining is independent of the state: the response under way is then the last.
    """

    __slots__ = (
        "_answering",
        "_buffer",
        "_client_lines",
        "_exchange",
        "_is_parsing",
        "_is_reading_paused",
        "_is_receiving",
        "_peer",
        "_read_progress",
        "_state",
        "_tunnel",
        "context",
        "head_bytes",
        "is_draining",
        "is_proxied",
        "waiting_since",
    )

    def __init__(self, blank: HttpToolsProtocol, context: DownstreamContext, peer: tuple[str, int]) -> None:
        super().__init__(blank)
        self.context = context
        self._peer = format_address(peer[0])
        self.client = (self._peer, peer[1])
        self.is_proxied = context.trusted_proxies.is_trusted(self._peer)
        """Whether the peer is a trusted proxy."""
        self._state = READING_HEAD
        self._answering: RequestResponseCycle | None = None
        """The cycle whose response is under way; uvicorn itself knows only the last one queued."""
        self._exchange: FastExchange | None = None
        self._tunnel: WebSocketTunnel | None = None
        self._read_progress = ReadProgress()
        self._buffer = b""
        self._client_lines: tuple[RequestHead | None, bytes] = (None, b"")
        self._is_receiving = self._is_parsing = self._is_reading_paused = self.is_draining = False
        self.head_bytes = 0
        self.waiting_since = 0.0
        """Start of the request, or of the silence before it, in the loop's seconds."""

    def _set_state(self, state: int) -> None:
        """The first three states alternate, the last three only advance."""
        if self._state < TUNNEL or state > self._state:
            self._state = state

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self.waiting_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self._set_state(CLOSED)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self.context.record_exchange(exchange)
            exchange.disconnect()
        if self._tunnel is not None:
            self._tunnel.disconnect()

    def data_received(self, data: bytes) -> None:
        state = self._state
        if state == FAST:
            self._hold(data)
        elif state == TUNNEL and self._tunnel is not None:
            self._tunnel.send_to_service(data)
        elif state < TUNNEL:
            self._read(data)
        elif state == REFUSED:
            self._drop(data)

    def pause_writing(self) -> None:
        self.prepare_asgi()
        super().pause_writing()
        if self._tunnel is not None:
            self._tunnel.pause_service()
        elif self._exchange is not None and self._exchange.source is not None:
            self._exchange.source.pause()

    def resume_writing(self) -> None:
        self.prepare_asgi()
        super().resume_writing()
        if self._tunnel is not None:
            self._tunnel.resume_service()
        elif self._exchange is not None and self._exchange.source is not None:
            self._exchange.source.resume()

    def shutdown(self) -> None:
        """Drains: an idle connection stays open for a moment, for a request that is on its way."""
        self.is_draining = True
        if self._tunnel is not None:
            self._tunnel.close()
        elif self.is_answering:
            self.cycle.keep_alive = False
        elif not self._is_busy:
            self.loop.call_later(self.context.limits.drain_seconds, self._close_idle)

    def build_client_lines(self, head: RequestHead) -> bytes:
        """Cached for the next request with the same block of headers."""
        if self._client_lines[0] is not head:
            address, scheme = self.find_client(head)
            lines = head.build_client_lines(address, scheme, prefix=PUBLIC_PREFIX)
            self._client_lines = (head, lines)
        return self._client_lines[1]

    def find_address(self, head: RequestHead) -> str:
        return self.find_client(head)[0]

    def find_client(self, head: RequestHead) -> tuple[str, str]:
        """Network address and scheme of the client, also behind a trusted proxy."""
        scheme = self.scheme or "http"
        if self.is_proxied:
            return self.context.trusted_proxies.find_client(head.headers, self._peer, scheme)
        return self._peer, scheme

    def get_date_line(self) -> bytes:
        return self.context.date.get_line()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def finish_exchange(self, exchange: FastExchange, *, is_aborted: bool = False) -> None:
        self._exchange = None
        self._set_state(READING_HEAD)
        self.waiting_since = self.loop.time()
        self.context.record_exchange(exchange)
        if is_aborted:
            self.transport.abort()
        elif not exchange.head.keeps_alive or self.is_draining:
            self.transport.close()
        else:
            self._read_buffer()

    def restart_exchange(self, exchange: FastExchange) -> None:
        self._exchange = None
        self._pass_to_uvicorn(exchange.raw)
        self._read_buffer()

    def on_response_complete(self) -> None:
        """uvicorn's hook; its idle timer is unset, since `sweep` closes idle connections."""
        self._answering = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if not self._is_busy:
            self._set_state(READING_HEAD)
            self.release_asgi()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_receiving = True
        self.waiting_since = self.loop.time()

    def on_headers_complete(self) -> None:
        self.head_bytes = 0
        if self._state != REFUSED and not self._refuse_violation():
            super().on_headers_complete()
            if self.scope["http_version"] == "1.0":
                adapt_cycle(self.cycle, wants_keep_alive=self.parser.should_keep_alive())
            if not self.pipeline:
                self._answering = self.cycle

    def on_body(self, body: bytes) -> None:
        if self._state != REFUSED:
            super().on_body(body)  # else it would become part of the body of the request before

    def on_message_complete(self) -> None:
        self._is_receiving = False
        self.head_bytes = 0
        if self._state != REFUSED:
            super().on_message_complete()

    def refuse(
        self,
        slug: str,
        detail: str,
        headers: dict[str, str] | None = None,
        *,
        origin: RequestOrigin | None = None,
    ) -> None:
        """Sends a problem and closes; with an earlier response under way it only closes after that.

        `origin` is the request where uvicorn's protocol did not read it.
        """
        if self.transport.is_closing() or self._state == REFUSED:
            return
        self._set_state(REFUSED)
        ids = self.context.tracer.start_span(None)
        refusal = build_refusal(slug, detail, headers, date_line=self.get_date_line(), ids=ids)
        seconds = max(0.0, self.loop.time() - self.waiting_since)
        self.context.recorder.record(refusal.build_access_record(origin or self._find_origin(), seconds))
        is_answering = self.is_answering
        if is_answering and self._has_no_head:
            self.cycle.keep_alive = False
            return
        if not is_answering or not self.cycle.response_started:
            self.transport.write(refusal.data)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if is_answering or not self.context.connections.linger(self.transport):
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's hook for bytes that its parser rejects."""
        self.refuse("bad-request", "the request is not valid HTTP/1.1")

    def sweep(self, now: float) -> None:
        """Closes the connection when it was idle, or sending its head, for too long."""
        waited = now - self.waiting_since
        limits = self.context.limits
        if self._read_progress.is_too_slow(self.transport, limits, now):
            self.context.recorder.slow_readers += 1
            self.transport.abort()
            return
        if self._tunnel is not None or self._exchange is not None:
            return
        is_answering = self.is_answering
        if self._is_receiving and not is_answering and waited > limits.head_seconds:
            detail = f"the request head did not arrive within {limits.head_seconds:g} s"
            self.refuse("request-timeout", detail)
        elif not self._is_receiving and not is_answering and waited > limits.idle_seconds:
            self.transport.close()
        elif waited > _COMPACT_SECONDS and self.flow is not None and not self._is_busy:
            self.release_asgi()

    @property
    def _is_busy(self) -> bool:
        return self._exchange is not None or self.is_answering or self._is_receiving or bool(self.pipeline)

    def _read(self, data: bytes) -> None:
        self._is_parsing = True
        try:
            while data and self._state == READING_HEAD and data.startswith(b"GET "):
                end = data.find(b"\r\n\r\n") + 4
                if end < 4 or not self._accept(data[:end]):
                    break
                data = data[end:]
        finally:
            self._is_parsing = False
        if not data:
            return
        if self._state == TUNNEL and self._tunnel is not None:
            self._tunnel.send_to_service(data)
        elif self._state == FAST:
            self._hold(data)
        else:
            self._pass_to_uvicorn(data)

    def _accept(self, raw: bytes) -> bool:
        """Whether the fast path or a tunnel took the request."""
        exchange = self.context.fast_path.create_exchange(raw, self)
        if exchange is not None:
            if not self._count_address(exchange.head, PUBLIC_PREFIX_BYTES + exchange.match.target):
                return False
            self._exchange = exchange
            self._set_state(FAST)
            self.context.handler.handle(exchange)
            return True
        request = parse_websocket_request(raw, self.context.websocket_paths)
        if request is None:
            return False
        if self._count_address(request.head, request.target):
            self._tunnel = WebSocketTunnel(self.context, self, request)
            self._set_state(TUNNEL)
        return True

    def _hold(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _MAX_BUFFERED_BYTES and not self._is_reading_paused:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def _read_buffer(self) -> None:
        """Reads on, unless a caller further up is doing so."""
        if self._is_parsing or not (self._buffer or self._is_reading_paused):
            return
        data, self._buffer = self._buffer, b""
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        self._read(data)

    def _pass_to_uvicorn(self, data: bytes) -> None:
        if self._state == CLOSED or self.transport.is_closing():
            return
        self._set_state(ASGI)
        self.prepare_asgi()
        self.head_bytes += len(data)
        super().data_received(data)
        if self._is_receiving and self._has_no_head and self.head_bytes > self.context.limits.head_bytes:
            self.refuse(*(TARGET_TOO_LONG if len(self.url) > MAX_TARGET_BYTES else HEAD_TOO_LARGE))
        if self._state == ASGI and not self._is_busy:
            self._set_state(READING_HEAD)

    @property
    def _has_no_head(self) -> bool:
        return "method" not in self.scope

    def _refuse_violation(self) -> bool:
        head, version = RequestHead(self.headers), self.parser.get_http_version()
        if self.url not in UNLIMITED_TARGETS and not self._count_address(head, self.url):
            return True
        if self.is_proxied:
            address, self.scope["scheme"] = self.find_client(head)
            self.scope["client"] = (address, 0)
        if not self.url.startswith(b"/"):
            scheme, is_host_needed = self.scope["scheme"], version != "1.0"
            self.url = resolve_target(self.url, self.headers, scheme=scheme, is_host_needed=is_host_needed)
            head = RequestHead(self.headers)
        if measure_headers(self.headers) > self.context.limits.head_bytes:
            self.refuse(*HEAD_TOO_LARGE)
            return True
        violation = find_violation(head, self.url, version)
        if violation is not None:
            self.refuse("bad-request", violation)
        return violation is not None

    def _count_address(self, head: RequestHead, target: bytes) -> bool:
        """Counts the request against its network address; refuses it when there are too many."""
        limiter, (address, scheme) = self.context.address_limiter, self.find_client(head)
        if not limiter.is_enabled or limiter.allows_request(address):
            return True
        origin = RequestOrigin(self.scope.get("method", "GET"), target, address)
        headers = {"Retry-After": "1", **self.context.browser_headers.build_named(head.headers, scheme)}
        self.refuse("too-many-requests", ADDRESS_LIMITED, headers, origin=origin)
        return False

    def _drop(self, data: bytes) -> None:
        """After a refusal; a client that sends on and on is cut off."""
        self.head_bytes += len(data)
        if self.head_bytes > _MAX_DROPPED_BYTES:
            self.transport.abort()

    def _find_origin(self) -> RequestOrigin:
        """Of the request that uvicorn's protocol reads; its head may be incomplete, or not HTTP at all."""
        client = self.scope.get("client")
        return RequestOrigin(self.scope.get("method", "-"), self.url, client[0] if client else self._peer)

    def _close_idle(self) -> None:
        if not self._is_busy and not self.transport.is_closing():
            self.transport.close()
