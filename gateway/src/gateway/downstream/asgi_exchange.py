"""An exchange received by ASGI: the response is sent message by message, as fast as the client reads."""

import asyncio
from collections import deque
from collections.abc import Sequence
from math import ceil

from starlette.types import Message, Scope, Send

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import AuthenticatedCaller
from gateway.cache.entry import CacheEntry
from gateway.http.caching import matches_etag
from gateway.http.headers import Header, parse_lines
from gateway.http.request_head import RequestHead
from gateway.http.scope import add_response_headers
from gateway.proxy.exchange import Exchange, ExchangeClient
from gateway.routing.match import RouteMatch
from gateway.routing.routes import PUBLIC_PREFIX

_PAUSE_BYTES, _RESUME_BYTES = 262_144, 65_536
_MICRO = 1_000_000


class AsgiClient:
    """The client as its ASGI scope describes it."""

    def __init__(self, scope: Scope) -> None:
        self.address = scope["client"][0] if scope.get("client") else ""
        self._scheme = scope["scheme"]

    def find_address(self, head: RequestHead) -> str:
        return self.address

    def build_client_lines(self, head: RequestHead) -> bytes:
        return head.build_client_lines(self.address, self._scheme, prefix=PUBLIC_PREFIX)


class AsgiExchange(Exchange):
    """Also the RequestBodySource: holds the request's body back while the service can't take it."""

    __slots__ = (
        "_error",
        "_is_full",
        "_messages",
        "_room",
        "_size",
        "_wake",
        "is_restarted",
        "method",
        "scope",
        "status",
    )

    def __init__(
        self,
        match: RouteMatch,
        head: RequestHead,
        auth: AuthenticatedCaller,
        *,
        client: ExchangeClient,
        scope: Scope,
    ) -> None:
        Exchange.__init__(self, match, head, auth)
        self.client = client
        self.method = scope["method"]
        self.scope = scope
        self._messages: deque[Message] = deque()
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._error: ProblemError | None = None
        self._size = 0
        self.status = 0
        self._is_full = self.is_restarted = False

    async def deliver(self, send: Send) -> None:
        """Sends the response, until it is complete or the client disconnects. Raises: ProblemError."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._messages:
                message = self._messages.popleft()
                await send(message)
                self._size -= len(message.get("body", b""))
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    return
            if self._is_full and self._size < _RESUME_BYTES and self.source is not None:
                self._is_full = False
                self.source.resume()
            if self._error is not None:
                raise self._error
            if self.is_disconnected or self.is_restarted:
                return

    async def wait_for_room(self) -> None:
        """Waits until the service takes more of the request's body."""
        await self._room.wait()

    def disconnect(self) -> None:
        Exchange.disconnect(self)
        self._wake.set()

    def pause_sending(self) -> None:
        self._room.clear()

    def resume_sending(self) -> None:
        self._room.set()

    def send_entry(self, entry: CacheEntry, note: bytes, *, age: int) -> None:
        is_unchanged = matches_etag(self.head.if_none_match, entry.etag)
        entry = entry.get_encoded(self.head.encoding)
        headers = parse_lines(entry.lines_304 if is_unchanged else entry.lines)
        if age >= 0:
            headers.append((b"age", str(age).encode()))
        self._put_head(304 if is_unchanged else 200, headers, note)
        body = b"" if is_unchanged else entry.body
        self._put({"type": "http.response.body", "body": body})

    def start_response(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        self._put_head(status, self.start_encoding(status, headers), note)

    def send_chunk(self, data: bytes) -> None:
        if self.encoder is not None:
            data = self.encoder.compress(data)
        self._put_body(data)

    def _put_body(self, data: bytes) -> None:
        if not data:
            return
        self._size += len(data)
        self._put({"type": "http.response.body", "body": data, "more_body": True})
        if self._size > _PAUSE_BYTES and not self._is_full and self.source is not None:
            self._is_full = True
            self.source.pause()

    def end_response(self) -> None:
        last = b"" if self.encoder is None else self.encoder.finish()
        self.encoder = None
        self._put({"type": "http.response.body", "body": last})

    def flush(self) -> None:
        if self.encoder is not None:
            self._put_body(self.encoder.flush())

    def send_error(self, problem: ProblemError) -> None:
        self._add_rate_headers()
        self.status = problem.problem.status
        self._error = problem
        self._wake.set()
        self._room.set()

    def restart(self) -> None:
        self.is_restarted = True
        self._wake.set()

    def _put_head(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        self._add_rate_headers()
        self.status = status
        all_headers = [*headers, (b"cache-status", b"bookstream; " + note)]
        self._put({"type": "http.response.start", "status": status, "headers": all_headers})

    def _add_rate_headers(self) -> None:
        counted = self.rate_limit
        if counted.purge_sequence < 0 and counted.reset_after == 0:
            return
        name = self.auth.caller.quota.name
        rate = f'"{name}";r={counted.remaining};t={ceil(counted.reset_after / _MICRO)}'
        policy = self.auth.policy_header.decode()
        add_response_headers(self.scope, {"RateLimit-Policy": policy, "RateLimit": rate})

    def _put(self, message: Message) -> None:
        self._messages.append(message)
        self._wake.set()
