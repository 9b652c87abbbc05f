"""W3C trace context: taken over from the client when it is well formed, else begun here."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

TRACEPARENT = b"traceparent"
_FORM = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED, _UNSAMPLED = b"01", b"00"
_DIGITS, _DRAWN = 48, 256
"""Of a span and a trace id together; so many are drawn at once."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Hexadecimal; `flags` 01 says that somebody keeps this trace."""

    trace_id: bytes
    flags: bytes


def parse_traceparent(value: bytes | None) -> TraceContext | None:
    """What a traceparent header says; None for a bad one, as the standard asks."""
    found = _FORM.fullmatch(value) if value else None
    if found is None or not found[1].strip(b"0") or not found[2].strip(b"0"):
        return None
    return TraceContext(found[1], _SAMPLED if int(found[3], 16) & 1 else _UNSAMPLED)


class Tracer:
    """Gives each request its ids; `percent` of the traces that begin here are sampled."""

    def __init__(self, *, percent: float, draw: Callable[[int], bytes] | None = None) -> None:
        self._draw = draw or Random().randbytes  # noqa: S311 - ids need be unique, not secret
        self._digits = b""
        self._at = 0
        self._below = b"g" if percent >= 100 else b"%05x" % int(percent * 10_485.76)

    def start_span(self, given: TraceContext | None) -> tuple[bytes, bytes]:
        """The trace id, and the traceparent with a span id of our own."""
        at, digits = self._at, self._digits
        if at == len(digits):
            at, digits = 0, self._draw(_DRAWN * _DIGITS // 2).hex().encode()
            self._digits = digits
        self._at = at + _DIGITS
        span = digits[at : at + 16]
        if given is not None:
            return given.trace_id, b"00-%b-%b-%b" % (given.trace_id, span, given.flags)
        trace = digits[at + 16 : at + _DIGITS]
        flags = _SAMPLED if trace[:5] < self._below else _UNSAMPLED
        return trace, b"00-%b-%b-%b" % (trace, span, flags)
