"""W3C trace context: continues the client's trace when its header is valid, else starts one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

TRACEPARENT = b"traceparent"
_FORM = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED, _UNSAMPLED = b"01", b"00"
_DIGITS, _DRAWN = 48, 256
"""Digits of a span id and a trace id; random bytes for so many requests are drawn at once."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Hexadecimal; `flags` 01 means sampled, `span_id` is the caller's."""

    trace_id: bytes
    flags: bytes
    span_id: bytes


def parse_traceparent(value: bytes | None) -> TraceContext | None:
    """Parses a traceparent header; None for an invalid one, as the standard requires."""
    match = _FORM.fullmatch(value) if value else None
    if match is None or not match[1].strip(b"0") or not match[2].strip(b"0"):
        return None
    return TraceContext(match[1], _SAMPLED if int(match[3], 16) & 1 else _UNSAMPLED, match[2])


class Tracer:
    """Creates ids; `percent` of the traces that start here are sampled."""

    def __init__(self, *, percent: float, draw: Callable[[int], bytes] | None = None) -> None:
        self._draw_bytes = draw or Random().randbytes  # noqa: S311 - ids need be unique, not secret
        self._digits = b""
        self._position = 0
        self._sample_below = b"g" if percent >= 100 else b"%05x" % int(percent * 10_485.76)

    def start_span(self, parent: TraceContext | None) -> tuple[bytes, bytes]:
        """The trace id, and a traceparent with a new span id."""
        at, digits = self._position, self._digits
        if at == len(digits):
            at, digits = 0, self._draw_bytes(_DRAWN * _DIGITS // 2).hex().encode()
            self._digits = digits
        self._position = at + _DIGITS
        span = digits[at : at + 16]
        if parent is not None:
            return parent.trace_id, b"00-%b-%b-%b" % (parent.trace_id, span, parent.flags)
        trace = digits[at + 16 : at + _DIGITS]
        flags = _SAMPLED if trace[:5] < self._sample_below else _UNSAMPLED
        return trace, b"00-%b-%b-%b" % (trace, span, flags)
