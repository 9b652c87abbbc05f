"""The fast path: GET requests of cached callers, matched by the bytes of their head.

Clients repeat the same headers with another target, so a parsed block of headers is cached by its bytes.
Whatever is unusual goes to ASGI, which supports all of HTTP/1.1.
"""

from collections.abc import Callable
from typing import TypeVar

import httptools

from gateway.auth.caller_cache import AuthenticatedCaller, CallerCache
from gateway.auth.request_auth import check_access
from gateway.downstream.fast_exchange import DownstreamConnection, FastExchange
from gateway.http.browser_headers import BrowserHeaders
from gateway.http.client_address import find_scheme
from gateway.http.headers import REQUEST_ID, Header, format_lines, get_first, validate_request_id
from gateway.http.request_head import PER_REQUEST_HEADERS, RequestHead
from gateway.http.trace import TRACEPARENT, TraceContext, Tracer, parse_traceparent
from gateway.routing.match import RouteMatch, match_target

K = TypeVar("K")
T = TypeVar("T")
_HTTP = b" HTTP/1.1\r\n"
_MAX_HEAD_BYTES, _MAX_BLOCK_BYTES = 16_384, 8_192
_MAX_BLOCKS, _MAX_MATCHES = 4_096, 16_384


class _HeaderBlock:
    """A parsed block of headers with the caller that was last authenticated by it.

    `lines` are for browsers, in responses to direct clients; `proxied_lines` behind trusted proxies.
    """

    __slots__ = ("auth", "head", "lines", "proxied_lines")

    def __init__(self, head: RequestHead, browser_headers: BrowserHeaders) -> None:
        self.head = head
        self.lines = format_lines(browser_headers.build(head.headers, "http"))
        scheme = find_scheme(head.headers) or "http"
        self.proxied_lines = format_lines(browser_headers.build(head.headers, scheme))
        self.auth: AuthenticatedCaller | None = None


class FastPath:
    """Shared by all connections of the process; `now` gives monotonic seconds."""

    def __init__(
        self,
        *,
        callers: CallerCache,
        tracer: Tracer,
        browser_headers: BrowserHeaders,
        now: Callable[[], float],
    ) -> None:
        self._callers, self._tracer, self._now = callers, tracer, now
        self._browser_headers = browser_headers
        self._blocks: dict[bytes, _HeaderBlock] = {}
        self._parsed_blocks: dict[tuple[Header, ...], _HeaderBlock] = {}
        self._matches: dict[bytes, RouteMatch] = {}
        self._headers: list[Header] = []
        self._is_complete = False
        self._parser = httptools.HttpRequestParser(self)

    def create_exchange(self, raw: bytes, connection: DownstreamConnection) -> FastExchange | None:
        """The exchange for a complete request head; None when ASGI must handle the request."""
        target_end = raw.find(_HTTP)
        if target_end < 0 or len(raw) > _MAX_HEAD_BYTES:
            return None
        target, lines = raw[4:target_end], raw[target_end + len(_HTTP) :]
        match = self._matches.get(target) or self._match(target)
        if match is None:
            return None
        block, trace, request_id = self._blocks.get(lines), None, None
        if block is None:
            parsed = self._parse(raw, lines)
            if parsed is None:
                return None
            block, trace, request_id = parsed
        auth = block.auth
        if auth is None or not auth.is_valid or auth.expires_at <= self._now():
            auth = block.auth = self._callers.get(block.head.get_credentials())
        if auth is None or check_access("GET", match, auth) is not None:
            return None
        exchange = FastExchange(match, block.head, auth, connection=connection, raw=raw)
        exchange.browser_lines = block.proxied_lines if connection.is_proxied else block.lines
        exchange.trace = trace
        trace_id, exchange.traceparent = self._tracer.start_span(trace)
        exchange.request_id = request_id or trace_id
        return exchange

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self._is_complete = True

    def _match(self, target: bytes) -> RouteMatch | None:
        match = match_target(target) if len(target) <= _MAX_BLOCK_BYTES else None
        if match is not None:
            _remember(self._matches, target, match, limit=_MAX_MATCHES)
        return match

    def _parse(
        self, raw: bytes, lines: bytes
    ) -> tuple[_HeaderBlock, TraceContext | None, bytes | None] | None:
        """The block without the headers that change with each request; their values beside it."""
        headers = self._parse_headers(raw)
        block = None if headers is None else self._find_block(headers)
        if headers is None or block is None:
            return None
        if len(headers) < len(self._headers):
            trace = parse_traceparent(get_first(self._headers, TRACEPARENT))
            return block, trace, validate_request_id(get_first(self._headers, REQUEST_ID))
        if len(lines) <= _MAX_BLOCK_BYTES:
            _remember(self._blocks, lines, block, limit=_MAX_BLOCKS)
        return block, None, None

    def _find_block(self, headers: tuple[Header, ...]) -> _HeaderBlock | None:
        block = self._parsed_blocks.get(headers)
        if block is None:
            head = RequestHead(headers)
            block = _HeaderBlock(head, self._browser_headers) if head.is_simple else None
            if block is not None:
                _remember(self._parsed_blocks, headers, block, limit=_MAX_BLOCKS)
        return block

    def _parse_headers(self, raw: bytes) -> tuple[Header, ...] | None:
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


def _remember(memory: dict[K, T], key: K, value: T, *, limit: int) -> None:
    if len(memory) >= limit:
        memory.clear()
    memory[key] = value
