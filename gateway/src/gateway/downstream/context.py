"""State that all client connections of a process share."""

from dataclasses import dataclass
from time import perf_counter

from gateway.auth.request_auth import RequestAuth
from gateway.downstream.fast_exchange import FastExchange
from gateway.downstream.fast_path import FastPath
from gateway.downstream.open_connections import OpenConnections
from gateway.http.browser_headers import BrowserHeaders
from gateway.http.client_address import TrustedProxies
from gateway.http.date import DateHeader
from gateway.http.trace import Tracer
from gateway.observability.access_log import RequestRecorder
from gateway.proxy.handler import RequestHandler
from gateway.ratelimit.address_limiter import AddressLimiter
from gateway.ratelimit.usage import UsageRecorder
from gateway.upstream.open_requests import StreamLimit


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of a client connection: head size in bytes, timeouts in seconds.

    A client that reads less than `read_bytes_per_second` over `read_seconds` is disconnected.
    """

    head_bytes: int = 32_768
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    drain_seconds: float = 1.0
    read_seconds: float = 30.0
    read_bytes_per_second: float = 1_024.0


@dataclass(frozen=True, slots=True)
class DownstreamContext:
    """At `app.state.downstream`, where uvicorn's protocol factory finds it."""

    fast_path: FastPath
    handler: RequestHandler
    auth: RequestAuth
    recorder: RequestRecorder
    usage: UsageRecorder
    tracer: Tracer
    date: DateHeader
    limits: ConnectionLimits
    connections: OpenConnections
    browser_headers: BrowserHeaders
    trusted_proxies: TrustedProxies
    address_limiter: AddressLimiter
    websocket_paths: frozenset[str]
    websocket_limit: StreamLimit

    def record_exchange(self, exchange: FastExchange) -> None:
        """Counts, logs and traces; with status 0 when the client disconnected before a response."""
        if not self.recorder.needs_record(exchange.traceparent):
            seconds = perf_counter() - exchange.started
            self.recorder.count("GET", exchange.match.route.prefix, exchange.status, seconds)
        else:
            self.recorder.record(exchange.build_access_record())
        self.usage.count(exchange.auth.caller, exchange.status)
