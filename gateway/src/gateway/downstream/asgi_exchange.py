"""A visit that came by ASGI: its answer goes out message by message, as fast as the client reads."""

import asyncio
from collections import deque
from collections.abc import Sequence
from math import ceil

from starlette.types import Message, Scope, Send

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import Known
from gateway.cache.entry import Entry
from gateway.http.caching import is_unchanged
from gateway.http.headers import Header, parsed
from gateway.http.request_head import Head
from gateway.http.scope import add_answer_headers
from gateway.proxy.exchange import Client, Visit
from gateway.routing.match import Plan
from gateway.routing.routes import PUBLIC_PREFIX

_HIGH, _LOW = 262_144, 65_536
_MICRO = 1_000_000


class AsgiClient:
    """The other end, as an ASGI scope names it."""

    def __init__(self, scope: Scope) -> None:
        self.address = scope["client"][0] if scope.get("client") else ""
        self._scheme = scope["scheme"]

    def stamp_of(self, head: Head) -> bytes:
        """As Client."""
        return head.stamp(self.address, self._scheme, prefix=PUBLIC_PREFIX)


class AsgiVisit(Visit):
    """As BodySource it also holds the request's body back while the service can't take it."""

    __slots__ = (
        "_error",
        "_is_full",
        "_messages",
        "_room",
        "_size",
        "_wake",
        "is_stale",
        "method",
        "scope",
        "status",
    )

    def __init__(self, plan: Plan, head: Head, known: Known, *, client: Client, scope: Scope) -> None:
        Visit.__init__(self, plan, head, known)
        self.client = client
        self.method = scope["method"]
        self.scope = scope
        self._messages: deque[Message] = deque()
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._error: ProblemError | None = None
        self._size = 0
        self.status = 0
        self._is_full = self.is_stale = False

    async def deliver(self, send: Send) -> None:
        """Send the answer; returns when it is whole or the client is gone. Raises: ProblemError."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._messages:
                message = self._messages.popleft()
                await send(message)
                self._size -= len(message.get("body", b""))
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    return
            if self._is_full and self._size < _LOW and self.flow is not None:
                self._is_full = False
                self.flow.resume()
            if self._error is not None:
                raise self._error
            if self.is_gone or self.is_stale:
                return

    async def room(self) -> None:
        """Wait until the service takes more of the request's body."""
        await self._room.wait()

    def gone(self) -> None:
        """As Visit."""
        Visit.gone(self)
        self._wake.set()

    def on_full(self) -> None:
        """As BodySource."""
        self._room.clear()

    def on_free(self) -> None:
        """As BodySource."""
        self._room.set()

    def whole(self, entry: Entry, note: bytes, *, age: int) -> None:
        """As Visit."""
        is_same = is_unchanged(self.head.if_none_match, entry.etag)
        headers = parsed(entry.lines_304 if is_same else entry.lines)
        if age >= 0:
            headers.append((b"age", str(age).encode()))
        self._start(304 if is_same else 200, headers, note)
        body = b"" if is_same or self.method == "HEAD" else entry.body
        self._put({"type": "http.response.body", "body": body})

    def begin(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        """As Visit."""
        self._start(status, headers, note)

    def chunk(self, data: bytes) -> None:
        """As Visit."""
        self._size += len(data)
        self._put({"type": "http.response.body", "body": data, "more_body": True})
        if self._size > _HIGH and not self._is_full and self.flow is not None:
            self._is_full = True
            self.flow.pause()

    def end(self) -> None:
        """As Visit."""
        self._put({"type": "http.response.body", "body": b""})

    def flush(self) -> None:
        """As Visit."""

    def fail(self, problem: ProblemError) -> None:
        """As Visit."""
        self._say_rates()
        self.status = problem.problem.status
        self._error = problem
        self._wake.set()
        self._room.set()

    def again(self) -> None:
        """As Visit."""
        self.is_stale = True
        self._wake.set()

    def _start(self, status: int, headers: Sequence[Header], note: bytes) -> None:
        self._say_rates()
        self.status = status
        said = [*headers, (b"cache-status", b"bookstream; " + note)]
        self._put({"type": "http.response.start", "status": status, "headers": said})

    def _say_rates(self) -> None:
        counted = self.counted
        if counted.ticket < 0 and counted.reset_after == 0:
            return
        name = self.known.caller.quota.name
        rate = f'"{name}";r={counted.remaining};t={ceil(counted.reset_after / _MICRO)}'
        policy = self.known.policy.decode()
        add_answer_headers(self.scope, {"RateLimit-Policy": policy, "RateLimit": rate})

    def _put(self, message: Message) -> None:
        self._messages.append(message)
        self._wake.set()
