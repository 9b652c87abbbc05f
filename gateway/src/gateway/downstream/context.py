"""What every connection of a process shares."""

from dataclasses import dataclass

from gateway.auth.request_auth import Doorkeeper
from gateway.downstream.fast_path import FastLane
from gateway.downstream.open_connections import Connections
from gateway.http.client_address import Proxies
from gateway.http.date import DateLine
from gateway.observability.access_log import Observer
from gateway.ratelimit.address_limiter import Crowd
from gateway.ratelimit.usage import Usage


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a connection; a client's silence is bounded before its head is here and between two requests."""

    head_bytes: int = 32_768
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    leaving_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Inside:
    """The data plane as a connection sees it."""

    lane: FastLane
    observer: Observer
    usage: Usage
    date: DateLine
    limits: Limits
    connections: Connections
    doorkeeper: Doorkeeper
    proxies: Proxies
    crowd: Crowd
