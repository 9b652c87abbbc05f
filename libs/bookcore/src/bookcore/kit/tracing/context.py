"""W3C trace context, and the span that the current thread or task works for."""

import os
import re
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random

TRACEPARENT = "traceparent"
_RANDOM = Random()  # noqa: S311 - ids need be unique, not secret
os.register_at_fork(after_in_child=_RANDOM.seed)
_FORM = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class SpanContext:
    """Identifies a span, in lower-case hexadecimal. Only spans of a sampled trace are sent to a collector."""

    trace_id: str
    span_id: str
    is_sampled: bool

    @property
    def traceparent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"


current_span: ContextVar[SpanContext | None] = ContextVar("current_span", default=None)
"""What log lines and published events belong to."""


def parse_traceparent(value: bytes | None) -> SpanContext | None:
    """Parses a traceparent; None for an invalid one, as the standard requires."""
    match = _FORM.fullmatch(value) if value else None
    if match is None or not match[1].strip(b"0") or not match[2].strip(b"0"):
        return None
    return SpanContext(match[1].decode(), match[2].decode(), bool(int(match[3], 16) & 1))


def create_root(*, ratio: float) -> SpanContext:
    """The first span of a trace, of which `ratio` (0 to 1) are sampled."""
    trace_id = f"{_RANDOM.getrandbits(128) or 1:032x}"
    return SpanContext(trace_id, create_span_id(), _RANDOM.random() < ratio)


def create_child(parent: SpanContext) -> SpanContext:
    """A further span of the trace, sampled as the trace is."""
    return SpanContext(parent.trace_id, create_span_id(), parent.is_sampled)


def create_span_id() -> str:
    """16 digits, never all zero."""
    return f"{_RANDOM.getrandbits(64) or 1:016x}"
