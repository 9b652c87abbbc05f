"""What every connection of a process shares."""

from dataclasses import dataclass

from gateway.auth.request_auth import RequestAuthenticator
from gateway.downstream.fast_path import FastPath
from gateway.downstream.open_connections import OpenConnections
from gateway.http.client_address import TrustedProxies
from gateway.http.date import DateHeader
from gateway.observability.access_log import RequestRecorder
from gateway.ratelimit.address_limiter import AddressLimiter
from gateway.ratelimit.usage import UsageRecorder


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of a connection; a client's silence is bounded before its head is here and between two requests."""

    head_bytes: int = 32_768
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    drain_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class DownstreamContext:
    """The data plane as a connection sees it."""

    fast_path: FastPath
    recorder: RequestRecorder
    usage: UsageRecorder
    date: DateHeader
    limits: ConnectionLimits
    connections: OpenConnections
    authenticator: RequestAuthenticator
    trusted_proxies: TrustedProxies
    address_limiter: AddressLimiter
