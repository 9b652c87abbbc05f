"""A client's connection: uvicorn's HTTP/1.1 protocol with the fast path in front, and stricter.

Requests of the fast path never reach uvicorn; all others do. One of the two is in use at a time, so that
pipelined requests are answered in order.
"""

import asyncio
from collections import deque
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from bookcore.kit.problem import PROBLEMS, build_problem_response
from gateway.downstream.context import DownstreamContext
from gateway.downstream.fast_exchange import FastExchange
from gateway.downstream.strictness import (
    ADDRESS_LIMITED,
    HEAD_TOO_LARGE,
    TARGET_TOO_LONG,
    find_violation,
    measure_headers,
)
from gateway.downstream.websocket import WebSocketTunnel, is_websocket_request
from gateway.http.request_head import RequestHead
from gateway.routing.match import MAX_TARGET_BYTES
from gateway.routing.routes import PUBLIC_PREFIX

_MAX_BUFFERED_BYTES = 262_144
_NO_SCOPE: Any = {}  # Any: uvicorn's own types
_NO_PIPELINE: deque[Any] = deque()
"""Those of a connection while uvicorn's protocol is not in use."""
_COMPACT_SECONDS = 1.0

READING_HEAD: Final = 0
"""No request under way; the next may take either path."""
FAST: Final = 1
"""An exchange of the fast path is under way; what the client sends meanwhile is buffered."""
ASGI: Final = 2
"""uvicorn's protocol reads a request or has a response under way."""
TUNNEL: Final = 3
"""All bytes belong to a WebSocket."""
REFUSED: Final = 4
"""A problem was sent, or the response under way is the last; input is dropped."""
CLOSED: Final = 5


class GatewayProtocol(HttpToolsProtocol):
    """Created by uvicorn for each connection.

    What only uvicorn's protocol needs is allocated while it is in use: an idle connection is small. Draining
    is independent of the state: the response under way is then the last.
    """

    __slots__ = (
        "_answering",
        "_buffer",
        "_client_lines",
        "_exchange",
        "_is_parsing",
        "_is_proxied",
        "_is_reading_paused",
        "_is_receiving",
        "_peer",
        "_state",
        "_tunnel",
        "context",
        "head_bytes",
        "is_draining",
        "url",
        "waiting_since",
    )
    context: DownstreamContext

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: uvicorn's own type
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._state = READING_HEAD
        self.url, self._peer, self._is_proxied = b"", "", False
        self.context = config.app.state.downstream  # type: ignore[union-attr]  # the app is ours
        self._answering: RequestResponseCycle | None = None
        """The cycle whose response is under way; uvicorn itself knows only the last one queued."""
        self._exchange: FastExchange | None = None
        self._tunnel: WebSocketTunnel | None = None
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
        self._release_asgi()
        self._peer = self.client[0] if self.client else ""
        self._is_proxied = self.context.trusted_proxies.is_trusted(self._peer)
        self.context.connections.watch(lambda: self.server_state.connections)
        self.waiting_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self._set_state(CLOSED)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
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

    def pause_writing(self) -> None:
        self._prepare_asgi()
        super().pause_writing()
        if self._tunnel is not None:
            self._tunnel.pause_service()
        elif self._exchange is not None and self._exchange.source is not None:
            self._exchange.source.pause()

    def resume_writing(self) -> None:
        self._prepare_asgi()
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
        elif self.cycle is not None and not self.cycle.response_complete:
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

    def find_client(self, head: RequestHead) -> tuple[str, str]:
        """Network address and scheme of the client, also behind a trusted proxy."""
        scheme = self.scheme or "http"
        if self._is_proxied:
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
        context = self.context
        if context.recorder.log is None:
            seconds = perf_counter() - exchange.started
            context.recorder.count("GET", exchange.match.route.prefix, exchange.status, seconds)
        else:
            context.recorder.record(exchange.build_access_record())
        context.usage.count(exchange.auth.caller, exchange.status)
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
            self._release_asgi()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_receiving = True
        self.waiting_since = self.loop.time()

    def on_headers_complete(self) -> None:
        self.head_bytes = 0
        if self._state != REFUSED and not self._refuse_violation():
            super().on_headers_complete()
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

    def refuse(self, slug: str, detail: str, headers: dict[str, str] | None = None) -> None:
        """Sends a problem and closes; with an earlier response under way it only closes after that."""
        if self.transport.is_closing() or self._state == REFUSED:
            return
        self._set_state(REFUSED)
        if self._has_no_head and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            response = build_problem_response(PROBLEMS[slug], detail, headers=headers)
            lines = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
            status = b"HTTP/1.1 %d %b\r\n" % (
                response.status_code,
                HTTPStatus(response.status_code).phrase.encode(),
            )
            closing = b"connection: close\r\n\r\n"
            self.transport.write(
                b"".join((status, self.get_date_line(), lines, closing, bytes(response.body)))
            )
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's hook for bytes that its parser rejects."""
        self.refuse("bad-request", "the request is not valid HTTP/1.1")

    def sweep(self, now: float) -> None:
        """Closes the connection when it was idle, or sending its head, for too long."""
        waited = now - self.waiting_since
        limits = self.context.limits
        if self._tunnel is not None or self._exchange is not None:
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._is_receiving and not is_answering and waited > limits.head_seconds:
            self.refuse(
                "request-timeout", f"the request head did not arrive within {limits.head_seconds:g} s"
            )
        elif not self._is_receiving and not is_answering and waited > limits.idle_seconds:
            self.transport.close()
        elif waited > _COMPACT_SECONDS and self.flow is not None and not self._is_busy:
            self._release_asgi()

    def _release_asgi(self) -> None:
        """Frees what uvicorn's protocol keeps between requests; it matters with 10,000 idle connections."""
        if self.flow is None or self.flow.write_paused or self.flow.read_paused:
            return
        self.cycle = None  # type: ignore[assignment]  # as uvicorn has it before the first request
        self.headers = self.flow = self.parser = None  # type: ignore[assignment]
        self.scope, self.pipeline = _NO_SCOPE, _NO_PIPELINE
        self.url = b""

    def _prepare_asgi(self) -> None:
        """Allocates it again."""
        if self.flow is None:
            self.flow = FlowControl(self.transport)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self.pipeline = deque()

    @property
    def _is_busy(self) -> bool:
        has_cycle = self.cycle is not None and not self.cycle.response_complete
        return self._exchange is not None or has_cycle or self._is_receiving or bool(self.pipeline)

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
            if self.context.address_limiter.is_enabled and not self._count_address(exchange.head):
                return False
            self._exchange = exchange
            self._set_state(FAST)
            self.context.handler.handle(exchange)
            return True
        if is_websocket_request(raw):
            self._tunnel = WebSocketTunnel(self.context, self, raw)
            self._set_state(TUNNEL)
            return True
        return False

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
        self._prepare_asgi()
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
        head = RequestHead(self.headers)
        if self.context.address_limiter.is_enabled and not self._count_address(head):
            return True
        if self._is_proxied:
            address, self.scope["scheme"] = self.find_client(head)
            self.scope["client"] = (address, 0)
        if measure_headers(self.headers) > self.context.limits.head_bytes:
            self.refuse(*HEAD_TOO_LARGE)
            return True
        violation = find_violation(head, self.url, self.parser.get_http_version())
        if violation is not None:
            self.refuse("bad-request", violation)
        return violation is not None

    def _count_address(self, head: RequestHead) -> bool:
        """Counts the request against its network address; refuses it when there are too many."""
        if self.context.address_limiter.allows_request(self.find_client(head)[0]):
            return True
        self.refuse("too-many-requests", ADDRESS_LIMITED, {"Retry-After": "1"})
        return False

    def _close_idle(self) -> None:
        if not self._is_busy and not self.transport.is_closing():
            self.transport.close()
