"""A span that has ended, independent of how it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bookcore.kit.tracing.context import SpanContext


class SpanKind(StrEnum):
    """OpenTelemetry's kinds that Bookstream has: requests served and sent, messages sent and handled."""

    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`parent` None for the first span of a trace; `began` and `ended` in nanoseconds since 1970.

    Attributes have the names of OpenTelemetry's semantic conventions. `error` is what failed, "" is none.
    """

    name: str
    kind: SpanKind
    context: SpanContext
    parent: SpanContext | None
    began: int
    ended: int
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    error: str = ""
