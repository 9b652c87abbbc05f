"""W3C trace context: taken over from the client when it is well formed, else begun here."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

TRACEPARENT = b"traceparent"
_FORM = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED, _UNSAMPLED = b"01", b"00"


@dataclass(frozen=True, slots=True)
class Trace:
    """Hexadecimal; `flags` 01 says that somebody keeps this trace."""

    trace_id: bytes
    flags: bytes


def trace_in(value: bytes | None) -> Trace | None:
    """What a traceparent header says; None for a bad one, as the standard asks."""
    found = _FORM.fullmatch(value) if value else None
    if found is None or not found[1].strip(b"0") or not found[2].strip(b"0"):
        return None
    return Trace(found[1], _SAMPLED if int(found[3], 16) & 1 else _UNSAMPLED)


class Tracer:
    """Gives each request its ids; `percent` of the traces that begin here are sampled."""

    def __init__(self, *, percent: float, bits: Callable[[int], int] | None = None) -> None:
        self._bits = bits or Random().getrandbits  # noqa: S311 - ids need be unique, not secret
        self._below = int(percent * 10_000)

    def begin(self, given: Trace | None) -> tuple[bytes, bytes]:
        """The trace id, and the traceparent with a span id of our own."""
        bits = self._bits(192)
        digits = b"%048x" % bits
        span = digits[:16]
        if given is not None:
            return given.trace_id, b"00-%b-%b-%b" % (given.trace_id, span, given.flags)
        trace = digits[16:]
        flags = _SAMPLED if bits % 1_000_000 < self._below else _UNSAMPLED
        return trace, b"00-%b-%b-%b" % (trace, span, flags)
