"""What every connection of a process shares."""

from dataclasses import dataclass

from gateway.control.usage import Usage
from gateway.core.clients import Crowd, Proxies
from gateway.core.date import DateLine
from gateway.dataplane.connections import Connections
from gateway.dataplane.doorkeeper import Doorkeeper
from gateway.dataplane.lane import FastLane
from gateway.dataplane.observe import Observer


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
