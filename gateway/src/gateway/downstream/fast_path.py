"""The fast lane: whole GETs of callers who are known already, recognised from the bytes as they came.

Clients send the same headers again and again, with another target each time; a block of headers that was
parsed once is known by its bytes. Anything unusual takes the other lane, which knows all of HTTP.
"""

from typing import TypeVar

import httptools

from gateway.auth.caller_cache import Known
from gateway.downstream.fast_exchange import Door, HotVisit
from gateway.http.headers import REQUEST_ID, Header, first, sane_request_id
from gateway.http.request_head import ONE_OFF, Head
from gateway.http.trace import TRACEPARENT, Trace, trace_in
from gateway.proxy.handler import Engine
from gateway.routing.match import Plan, plan_of_target

K = TypeVar("K")
T = TypeVar("T")
_HTTP = b" HTTP/1.1\r\n"
_LONGEST_HEAD, _LONGEST_BLOCK = 16_384, 8_192
_MOST_BLOCKS, _MOST_PLANS = 4_096, 16_384


class _Block:
    """A block of headers with whoever it was from last time."""

    __slots__ = ("head", "known")

    def __init__(self, head: Head) -> None:
        self.head = head
        self.known: Known | None = None


class FastLane:
    """Shared by all connections of the process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._now, self._tracer = engine.now, engine.tracer
        self._blocks: dict[bytes, _Block] = {}
        self._parsed_blocks: dict[tuple[Header, ...], _Block] = {}
        self._plans: dict[bytes, Plan] = {}
        self._headers: list[Header] = []
        self._is_complete = False
        self._parser = httptools.HttpRequestParser(self)

    def visit(self, raw: bytes, door: Door) -> HotVisit | None:
        """The visit that a request's whole head is; None for the other lane."""
        target_end = raw.find(_HTTP)
        if target_end < 0 or len(raw) > _LONGEST_HEAD:
            return None
        target, lines = raw[4:target_end], raw[target_end + len(_HTTP) :]
        plan = self._plans.get(target) or self._plan(target)
        if plan is None:
            return None
        block, trace, request_id = self._blocks.get(lines), None, None
        if block is None:
            found = self._read(raw, lines)
            if found is None:
                return None
            block, trace, request_id = found
        known = block.known
        if known is None or not known.is_good or known.until <= self._now():
            known = block.known = self.engine.tokens.get(block.head.credentials())
        if known is None or plan.route.reads not in known.caller.scopes:
            return None
        visit = HotVisit(plan, block.head, known, door=door, raw=raw)
        trace_id, visit.traceparent = self._tracer.begin(trace)
        visit.request_id = request_id or trace_id
        return visit

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        self._headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """The parser's."""
        self._is_complete = True

    def _plan(self, target: bytes) -> Plan | None:
        plan = plan_of_target(target) if len(target) <= _LONGEST_BLOCK else None
        if plan is not None:
            _remember(self._plans, target, plan, most=_MOST_PLANS)
        return plan

    def _read(self, raw: bytes, lines: bytes) -> tuple[_Block, Trace | None, bytes | None] | None:
        """Known by what is left without the headers that are new with each request, given beside."""
        headers = self._parsed(raw)
        block = None if headers is None else self._known_block(headers)
        if headers is None or block is None:
            return None
        if len(headers) < len(self._headers):
            trace = trace_in(first(self._headers, TRACEPARENT))
            return block, trace, sane_request_id(first(self._headers, REQUEST_ID))
        if len(lines) <= _LONGEST_BLOCK:
            _remember(self._blocks, lines, block, most=_MOST_BLOCKS)
        return block, None, None

    def _known_block(self, headers: tuple[Header, ...]) -> _Block | None:
        block = self._parsed_blocks.get(headers)
        if block is None:
            head = Head(headers)
            block = _Block(head) if head.is_plain else None
            if block is not None:
                _remember(self._parsed_blocks, headers, block, most=_MOST_BLOCKS)
        return block

    def _parsed(self, raw: bytes) -> tuple[Header, ...] | None:
        self._headers, self._is_complete = [], False
        try:
            self._parser.feed_data(raw)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_complete = False
        if not self._is_complete or not self._parser.should_keep_alive():
            self._parser = httptools.HttpRequestParser(self)
        if not self._is_complete:
            return None
        return tuple(header for header in self._headers if header[0] not in ONE_OFF)


def _remember(memory: dict[K, T], key: K, value: T, *, most: int) -> None:
    if len(memory) >= most:
        memory.clear()
    memory[key] = value
