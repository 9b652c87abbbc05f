"""The gateway's side of a client's connection: uvicorn's protocol with a fast lane before it, and stricter.

What the fast lane takes never reaches uvicorn; everything else does, one lane at a time, so that pipelined
requests are answered in the order in which they came.
"""

import asyncio
from collections import deque
from http import HTTPStatus
from time import perf_counter
from typing import Any

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from bookcore.kit.problem import PROBLEMS, build_problem_response
from gateway.downstream.context import DownstreamContext
from gateway.downstream.fast_exchange import FastExchange
from gateway.downstream.websocket import WebSocketTunnel, is_websocket_request
from gateway.http.request_head import RequestHead
from gateway.routing.match import MAX_TARGET_BYTES
from gateway.routing.routes import PUBLIC_PREFIX

_log = structlog.get_logger()
_MOST_HELD = 262_144
_NO_SCOPE: Any = {}  # Any: uvicorn's own types
_NO_PIPELINE: deque[Any] = deque()
"""Those of a connection whose uvicorn's lane is not in use."""
_TIDY_SECONDS = 1.0


class GatewayProtocol(HttpToolsProtocol):
    """Made by uvicorn, one for each connection; `inside` is what the app put into its state.

    What only uvicorn's lane needs is there while that lane is in use: an idle connection is small.
    """

    __slots__ = (
        "_answering",
        "_held",
        "_is_amid_request",
        "_is_lost",
        "_is_proxied",
        "_is_reading_paused",
        "_is_refused",
        "_is_taking",
        "_peer",
        "_stamps",
        "_tunnel",
        "_visit",
        "context",
        "head_bytes",
        "is_draining",
        "since",
        "url",
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
        self.url, self._peer = b"", ""
        self._is_lost = self._is_proxied = False
        self.context = config.app.state.inside  # type: ignore[union-attr]  # the app is ours
        self._answering: RequestResponseCycle | None = None
        """Of uvicorn's lane; uvicorn itself knows only the last of those that wait."""
        self._visit: FastExchange | None = None
        self._tunnel: WebSocketTunnel | None = None
        self._held = b""
        self._stamps: tuple[RequestHead | None, bytes] = (None, b"")
        self._is_refused = self._is_amid_request = self._is_taking = self.is_draining = (
            self._is_reading_paused
        ) = False
        self.head_bytes = 0
        self.since = 0.0
        """When the request or the rest before it began, in the loop's seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """As asyncio.Protocol."""
        super().connection_made(transport)
        self._tidy()
        self._peer = self.client[0] if self.client else ""
        self._is_proxied = self.context.trusted_proxies.trusts(self._peer)
        self.context.connections.watch(lambda: self.server_state.connections)
        self.since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio.Protocol; a request under way is abandoned."""
        super().connection_lost(exc)
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self._is_lost = True
        exchange, self._visit = self._visit, None
        if exchange is not None:
            exchange.disconnect()
        if self._tunnel is not None:
            self._tunnel.disconnect()

    def data_received(self, data: bytes) -> None:
        """As asyncio.Protocol."""
        if self._visit is None and self._tunnel is None:
            if not self._is_refused:
                self._take(data)
        elif self._tunnel is not None:
            self._tunnel.send_to_service(data)
        else:
            self._hold(data)

    def pause_writing(self) -> None:
        """As asyncio.Protocol."""
        self._equip()
        super().pause_writing()
        if self._tunnel is not None:
            self._tunnel.pause_service()
        elif self._visit is not None and self._visit.source is not None:
            self._visit.source.pause()

    def resume_writing(self) -> None:
        """As asyncio.Protocol."""
        self._equip()
        super().resume_writing()
        if self._tunnel is not None:
            self._tunnel.resume_service()
        elif self._visit is not None and self._visit.source is not None:
            self._visit.source.resume()

    def shutdown(self) -> None:
        """Finish what is under way; an idle connection has a moment left for a request on its way."""
        self.is_draining = True
        if self._tunnel is not None:
            self._tunnel.close()
        elif self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif not self._is_busy:
            self.loop.call_later(self.context.limits.drain_seconds, self._leave)

    def build_client_lines(self, head: RequestHead) -> bytes:
        """As Client; the same for the next request of the same headers."""
        if self._stamps[0] is not head:
            self._stamps = (head, head.build_client_lines(*self.find_client(head), prefix=PUBLIC_PREFIX))
        return self._stamps[1]

    def find_client(self, head: RequestHead) -> tuple[str, str]:
        """Network address and scheme of the client, who may be behind a proxy of ours."""
        scheme = self.scheme or "http"
        if self._is_proxied:
            return self.context.trusted_proxies.find_client(head.headers, self._peer, scheme)
        return self._peer, scheme

    def get_date_line(self) -> bytes:
        """As Door."""
        return self.context.date.get_line()

    def write(self, data: bytes) -> None:
        """As Door."""
        self.transport.write(data)

    def finish_exchange(self, exchange: FastExchange, *, breaks_off: bool = False) -> None:
        """As Door."""
        self._visit = None
        self.since = self.loop.time()
        inside = self.context
        if inside.recorder.log is None:
            seconds = perf_counter() - exchange.started
            inside.recorder.count("GET", exchange.match.route.prefix, exchange.status, seconds)
        else:
            inside.recorder.record(exchange.build_access_record())
        inside.usage.count(exchange.auth.caller, exchange.status)
        if breaks_off:
            self.transport.abort()
        elif not exchange.head.keeps_alive or self.is_draining:
            self.transport.close()
        elif not self._is_taking and (self._held or self._is_reading_paused):
            self._go_on()

    def restart_exchange(self, exchange: FastExchange) -> None:
        """As Door."""
        self._visit = None
        self._to_uvicorn(exchange.raw)
        if not self._is_taking and (self._held or self._is_reading_paused):
            self._go_on()

    def on_response_complete(self) -> None:
        """uvicorn's; how long a connection may be idle is for the sweep to say, without a timer for each."""
        self._answering = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if not self._is_busy:
            self._tidy()

    def on_message_begin(self) -> None:
        """The parser's."""
        super().on_message_begin()
        self._is_amid_request = True
        self.since = self.loop.time()

    def on_headers_complete(self) -> None:
        """The parser's; what two readers could understand differently is refused before anything begins."""
        self.head_bytes = 0
        if not self._is_refused and self._refusal() is None:
            super().on_headers_complete()
            if not self.pipeline:
                self._answering = self.cycle

    def on_body(self, body: bytes) -> None:
        """The parser's; the body of a refused request must not become that of the one before."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser's."""
        self._is_amid_request = False
        self.head_bytes = 0
        if not self._is_refused:
            super().on_message_complete()

    def refuse(self, slug: str, detail: str, headers: dict[str, str] | None = None) -> None:
        """Answer with a problem and close; after the answers to earlier requests, only close."""
        if self.transport.is_closing() or self._is_refused:
            return
        self._is_refused = True
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
        """uvicorn's, for bytes that are no HTTP."""
        self.refuse("bad-request", "the bytes of the request are not HTTP/1.1")

    def sweep(self, now: float) -> None:
        """Close what has been idle, or sending its head, for too long."""
        waited = now - self.since
        limits = self.context.limits
        if self._tunnel is not None or self._visit is not None:
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._is_amid_request and not is_answering and waited > limits.head_seconds:
            self.refuse("request-timeout", f"the head was not here within {limits.head_seconds:g} s")
        elif not self._is_amid_request and not is_answering and waited > limits.idle_seconds:
            self.transport.close()
        elif waited > _TIDY_SECONDS and self.flow is not None and not self._is_busy:
            self._tidy()

    def _tidy(self) -> None:
        """Drop what uvicorn's lane needs, and keeps of the last request: ten thousand would hold much."""
        if self.flow is None or self.flow.write_paused or self.flow.read_paused:
            return
        self.cycle = None  # type: ignore[assignment]  # as uvicorn has it before the first request
        self.headers = self.flow = self.parser = None  # type: ignore[assignment]
        self.scope, self.pipeline = _NO_SCOPE, _NO_PIPELINE
        self.url = b""

    def _equip(self) -> None:
        """The inverse."""
        if self.flow is None:
            self.flow = FlowControl(self.transport)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self.pipeline = deque()

    @property
    def _is_busy(self) -> bool:
        has_cycle = self.cycle is not None and not self.cycle.response_complete
        return self._visit is not None or has_cycle or self._is_amid_request or bool(self.pipeline)

    def _take(self, data: bytes) -> None:
        self._is_taking = True
        try:
            cycle = self.cycle
            is_free = (cycle is None or cycle.response_complete) and not (
                self._is_amid_request or self.pipeline
            )
            while data and is_free and self._visit is None and data.startswith(b"GET "):
                end = data.find(b"\r\n\r\n") + 4
                if end < 4 or not self._is_taken(data[:end]):
                    break
                data = data[end:]
        finally:
            self._is_taking = False
        if not data:
            return
        if self._tunnel is not None:
            self._tunnel.send_to_service(data)
        elif self._visit is not None:
            self._hold(data)
        else:
            self._to_uvicorn(data)

    def _is_taken(self, raw: bytes) -> bool:
        exchange = self.context.fast_path.create_exchange(raw, self)
        if exchange is not None:
            if self.context.address_limiter.is_enabled and not self._admits(exchange.head):
                return False
            self._visit = exchange
            self.context.fast_path.handler.handle(exchange)
            return True
        if is_websocket_request(raw):
            self._tunnel = WebSocketTunnel(self.context, self, raw)
            return True
        return False

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > _MOST_HELD and not self._is_reading_paused:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def _go_on(self) -> None:
        held, self._held = self._held, b""
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()
        self._take(held)

    def _to_uvicorn(self, data: bytes) -> None:
        if self._is_lost or self.transport.is_closing():
            return
        self._equip()
        self.head_bytes += len(data)
        super().data_received(data)
        if self._is_amid_request and self._has_no_head and self.head_bytes > self.context.limits.head_bytes:
            self.refuse(*(_LONG_TARGET if len(self.url) > MAX_TARGET_BYTES else _LONG_HEAD))

    @property
    def _has_no_head(self) -> bool:
        return "method" not in self.scope

    def _refusal(self) -> str | None:
        hosts = [value for name, value in self.headers if name == b"host"]
        head = RequestHead(self.headers)
        if self.context.address_limiter.is_enabled and not self._admits(head):
            return _CROWDED
        if self._is_proxied:
            address, self.scope["scheme"] = self.find_client(head)
            self.scope["client"] = (address, 0)
        wrong = None
        if sum(len(name) + len(value) for name, value in self.headers) > self.context.limits.head_bytes:
            self.refuse(*_LONG_HEAD)
            return _LONG_HEAD[1]
        if (
            len(hosts) > 1
            or (not hosts and self.parser.get_http_version() == "1.1")
            or (hosts and not head.host)
        ):
            wrong = "send one Host header that names a host"
        elif any(n == b"transfer-encoding" and v.lower() != b"chunked" for n, v in self.headers):
            wrong = "only the transfer coding chunked is known here"
        elif not self.url.startswith(b"/") or b"#" in self.url:
            wrong = "the target of a request begins with /"
        if wrong is not None:
            self.refuse("bad-request", wrong)
        return wrong

    def _admits(self, head: RequestHead) -> bool:
        """Count the request against its network address; refused with a closed connection when too many."""
        if self.context.address_limiter.allows_request(self.find_client(head)[0]):
            return True
        self.refuse("too-many-requests", _CROWDED, {"Retry-After": "1"})
        return False

    def _leave(self) -> None:
        if not self._is_busy and not self.transport.is_closing():
            self.transport.close()


_LONG_TARGET = ("target-too-long", "the address of a request is too long")
_CROWDED = "this network address sends too many requests; wait a second"
_LONG_HEAD = ("head-too-large", "the headers of a request are too large")
