"""The fast lane: whole GETs of callers who are known already, recognised from the bytes as they came.

Clients send the same headers again and again, with another target each time; a block of headers that was
parsed once is known by its bytes. Anything unusual takes the other lane, which knows all of HTTP.
"""

from typing import TypeVar

import httptools

from gateway.auth.caller_cache import Known
from gateway.downstream.fast_exchange import DownstreamConnection, FastExchange
from gateway.http.headers import REQUEST_ID, Header, get_first, validate_request_id
from gateway.http.request_head import PER_REQUEST_HEADERS, RequestHead
from gateway.http.trace import TRACEPARENT, TraceContext, parse_traceparent
from gateway.proxy.handler import RequestHandler
from gateway.routing.match import RouteMatch, match_target

K = TypeVar("K")
T = TypeVar("T")
_HTTP = b" HTTP/1.1\r\n"
_LONGEST_HEAD, _LONGEST_BLOCK = 16_384, 8_192
_MOST_BLOCKS, _MOST_PLANS = 4_096, 16_384


class _HeaderBlock:
    """A block of headers with whoever it was from last time."""

    __slots__ = ("auth", "head")

    def __init__(self, head: RequestHead) -> None:
        self.head = head
        self.auth: Known | None = None


class FastPath:
    """Shared by all connections of the process."""

    def __init__(self, engine: RequestHandler) -> None:
        self.handler = engine
        self._now, self._tracer = engine.now, engine.tracer
        self._blocks: dict[bytes, _HeaderBlock] = {}
        self._parsed_blocks: dict[tuple[Header, ...], _HeaderBlock] = {}
        self._plans: dict[bytes, RouteMatch] = {}
        self._headers: list[Header] = []
        self._is_complete = False
        self._parser = httptools.HttpRequestParser(self)

    def create_exchange(self, raw: bytes, connection: DownstreamConnection) -> FastExchange | None:
        """The visit that a request's whole head is; None for the other lane."""
        target_end = raw.find(_HTTP)
        if target_end < 0 or len(raw) > _LONGEST_HEAD:
            return None
        target, lines = raw[4:target_end], raw[target_end + len(_HTTP) :]
        match = self._plans.get(target) or self._plan(target)
        if match is None:
            return None
        block, trace, request_id = self._blocks.get(lines), None, None
        if block is None:
            found = self._read(raw, lines)
            if found is None:
                return None
            block, trace, request_id = found
        auth = block.auth
        if auth is None or not auth.is_good or auth.until <= self._now():
            auth = block.auth = self.handler.callers.get(block.head.get_credentials())
        if auth is None or match.route.read_scope not in auth.caller.scopes:
            return None
        exchange = FastExchange(match, block.head, auth, connection=connection, raw=raw)
        trace_id, exchange.traceparent = self._tracer.start_span(trace)
        exchange.request_id = request_id or trace_id
        return exchange

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        self._headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """The parser's."""
        self._is_complete = True

    def _plan(self, target: bytes) -> RouteMatch | None:
        match = match_target(target) if len(target) <= _LONGEST_BLOCK else None
        if match is not None:
            _remember(self._plans, target, match, most=_MOST_PLANS)
        return match

    def _read(
        self, raw: bytes, lines: bytes
    ) -> tuple[_HeaderBlock, TraceContext | None, bytes | None] | None:
        """Known by what is left without the headers that are new with each request, given beside."""
        headers = self._parsed(raw)
        block = None if headers is None else self._known_block(headers)
        if headers is None or block is None:
            return None
        if len(headers) < len(self._headers):
            trace = parse_traceparent(get_first(self._headers, TRACEPARENT))
            return block, trace, validate_request_id(get_first(self._headers, REQUEST_ID))
        if len(lines) <= _LONGEST_BLOCK:
            _remember(self._blocks, lines, block, most=_MOST_BLOCKS)
        return block, None, None

    def _known_block(self, headers: tuple[Header, ...]) -> _HeaderBlock | None:
        block = self._parsed_blocks.get(headers)
        if block is None:
            head = RequestHead(headers)
            block = _HeaderBlock(head) if head.is_simple else None
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
        return tuple(header for header in self._headers if header[0] not in PER_REQUEST_HEADERS)


def _remember(memory: dict[K, T], key: K, value: T, *, most: int) -> None:
    if len(memory) >= most:
        memory.clear()
    memory[key] = value
