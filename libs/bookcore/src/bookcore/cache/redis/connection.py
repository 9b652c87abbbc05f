"""One pipelined connection to Valkey or Redis, shared by the whole process.

Commands of one turn of the event loop are written together and replies arrive in order, so that a command
costs microseconds instead of a connection. A command that waits longer than a second fails with Unavailable
and its late reply is dropped; the connection and the commands behind it continue.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from hiredis import ProtocolError, Reader, ReplyError, pack_command
from redis.asyncio.connection import parse_url

from bookcore.cache.redis.server import format_server, parse_client_files
from bookcore.domain.errors import BookstreamError, Invalid, Unavailable
from bookcore.kit.logger import get_logger
from bookcore.kit.tls import explain_tls_error

_log = get_logger(__name__)
_ANSWER_SECONDS = 1.0
_DEAD_SECONDS = 3.0
"""With an answer due for so long, the connection is given up."""
_CONNECT_SECONDS = 2.0
_SWEEP_SECONDS = 0.25
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_REFUSALS = ("NOAUTH", "WRONGPASS", "NOPERM", "ERR invalid password", "ERR Client sent AUTH")

Callback = Callable[[Any], None]
"""Called once, with the answer or a BookstreamError. Any: what the server answers."""
EvalFallback = Callable[[], bytes]


def pack(*parts: str | float | bytes) -> bytes:
    """Encodes a command in RESP."""
    command: bytes = pack_command(parts)  # type: ignore[arg-type]  # its type says a tuple of one
    return command


class RedisConnection:
    """Connects at the first command and reconnects with a growing delay.

    While disconnected, commands fail at once, except those that wait for the very first connection.
    """

    def __init__(self, address: str, *, field: str) -> None:
        self._field = field
        self._options = parse_url(address)
        self._is_tls = address.startswith("rediss:")
        self._files = parse_client_files(address)
        self._display_address = format_server(address)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.protocol: RedisProtocol | None = None
        """The connection while it is up."""
        self._connecting: asyncio.Task[None] | None = None
        self._queued: list[tuple[bytes, Callback, EvalFallback | None]] = []
        self._has_failed = False
        self._retry_delay, self._retry_at = 0.0, 0.0

    def send(self, command: bytes, then: Callback, whole: EvalFallback | None = None) -> None:
        """Sends one command; `then` receives its reply, Unavailable or Invalid.

        `eval_fallback` encodes the same command with its script, for a server that does not know the script
        yet.
        """
        wire = self.protocol
        if wire is not None and not wire.is_overdue:
            wire.send(command, then, whole)
            return
        if wire is not None:
            then(self._build_unavailable("a reply is overdue"))
            return
        self._connect()
        if self._has_failed or self._connecting is None:
            then(self._build_unavailable("not connected"))
        else:
            self._queued.append((command, then, whole))

    def close(self) -> None:
        """Closes the connection; waiting commands fail with Unavailable."""
        if self._connecting is not None:
            self._connecting.cancel()
        wire, self.protocol = self.protocol, None
        if wire is not None:
            wire.abort()
        self._fail_queued(self._build_unavailable("closed"))

    def _connect(self) -> None:
        self._loop = self._loop or asyncio.get_running_loop()
        if self._connecting is None and self._loop.time() >= self._retry_at:
            self._connecting = self._loop.create_task(self._open())

    async def _open(self) -> None:
        try:
            wire = await self._connect_transport()
        except (OSError, BookstreamError, TimeoutError) as error:
            why = (self._is_tls and explain_tls_error(str(error))) or str(error)
            failure = error if isinstance(error, BookstreamError) else self._build_unavailable(why)
            self._handle_loss(failure)
            self._fail_queued(failure)
        else:
            self.protocol, self._has_failed, self._retry_delay = wire, False, 0.0
            early, self._queued = self._queued, []
            for each in early:
                wire.send(*each)
        finally:
            self._connecting = None

    async def _connect_transport(self) -> "RedisProtocol":
        loop = asyncio.get_running_loop()
        where = self._options
        secure = self._files.create_context(field=self._field) if self._is_tls else None
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, wire = await loop.create_connection(
                lambda: RedisProtocol(loop, explain=self._translate_reason, lost=self._handle_loss),
                str(where.get("host", "localhost")),
                int(where.get("port", 6379)),
                ssl=secure,
            )
            for command in self._build_handshake():
                await wire.call(command)
        return wire

    def _build_handshake(self) -> list[bytes]:
        user, password, database = (self._options.get(n) for n in ("username", "password", "db"))
        found = []
        if password:
            found.append(pack("AUTH", *([str(user)] if user else []), str(password)))
        if database:
            found.append(pack("SELECT", str(database)))
        return found or [pack("PING")]

    def _handle_loss(self, error: BookstreamError) -> None:
        was_up, self.protocol, self._has_failed = self.protocol is not None, None, True
        self._retry_delay = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, self._retry_delay * 2))
        self._retry_at = (self._loop.time() if self._loop else 0.0) + self._retry_delay
        if was_up:
            _log.warning("cache connection lost", server=self._display_address, error=str(error))

    def _fail_queued(self, error: BookstreamError) -> None:
        early, self._queued = self._queued, []
        for _, then, _ in early:
            then(error)

    def _translate_reason(self, reason: str) -> BookstreamError:
        if reason.startswith(_REFUSALS):
            return Invalid(
                f"{self._display_address} rejects the login; check user and password", field=self._field
            )
        return self._build_unavailable(reason)

    def _build_unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"{self._display_address} does not answer ({reason}); check {self._field} and the server",
            retry_after=1.0,
        )


class RedisProtocol(asyncio.Protocol):
    """An open connection. `_pending` has one entry per expected reply; its callback is None after a
    timeout.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        explain: Callable[[str], BookstreamError],
        lost: Callable[[BookstreamError], None],
    ) -> None:
        self._loop = loop
        self._explain, self._on_lost = explain, lost
        self._reader = Reader(notEnoughData=NotImplemented)
        self._outgoing: list[bytes] = []
        self._pending: deque[tuple[Callback | None, float, EvalFallback | None]] = deque()
        self._queued_since = 0.0
        """When what is queued began to queue, in the loop's seconds."""
        self._transport: asyncio.Transport | None = None
        self._expiry_timer: asyncio.TimerHandle | None = None
        self.is_overdue = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._expiry_timer = self._loop.call_later(_SWEEP_SECONDS, self._expire_overdue)

    def send(self, command: bytes, then: Callback, whole: EvalFallback | None = None) -> None:
        """Queues a command for the end of this turn of the event loop."""
        if not self._outgoing:
            self._queued_since = self._loop.time()
            self._loop.call_soon(self._flush)
        self._outgoing.append(command)
        self._pending.append((then, self._queued_since, whole))

    async def call(self, command: bytes) -> Any:
        """Sends a command and returns its reply. Any: whatever the server replies. Raises:
        BookstreamError.
        """
        answer: asyncio.Future[Any] = self._loop.create_future()
        self.send(command, lambda reply: _set_reply(answer, reply))
        reply = await answer
        if isinstance(reply, BookstreamError):
            raise reply
        return reply

    def data_received(self, data: bytes) -> None:
        reader, pending = self._reader, self._pending
        reader.feed(data)
        try:
            while pending and (reply := reader.gets()) is not NotImplemented:
                then, _, whole = pending.popleft()
                self.is_overdue = False
                if then is None:
                    continue
                if isinstance(reply, ReplyError):
                    self._handle_error_reply(str(reply), then, whole)
                else:
                    then(reply)
        except ProtocolError as error:
            _log.warning("invalid reply from the cache server; reconnecting", error=str(error))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails every waiting command."""
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        error = self._explain(str(exc or "the connection was closed"))
        self._on_lost(error)
        while self._pending:
            then, _, _ = self._pending.popleft()
            if then is not None:
                then(error)

    def abort(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None:
            self._transport.write(b"".join(outgoing))

    def _handle_error_reply(self, reason: str, then: Callback, whole: EvalFallback | None) -> None:
        if whole is not None and reason.startswith("NOSCRIPT"):
            self.send(whole(), then)
        else:
            then(self._explain(reason))

    def _expire_overdue(self) -> None:
        now = self._loop.time()
        self._expiry_timer = self._loop.call_later(_SWEEP_SECONDS, self._expire_overdue)
        overdue = [at for at, (_, since, _) in enumerate(self._pending) if now - since > _ANSWER_SECONDS]
        for place in overdue:
            then, since, _ = self._pending[place]
            self._pending[place] = (None, since, None)
            self.is_overdue = True
            if then is not None:
                then(self._explain(f"no answer within {_ANSWER_SECONDS:g} s"))
        if self._pending and now - self._pending[0][1] > _DEAD_SECONDS:
            self.abort()


def _set_reply(answer: asyncio.Future[Any], reply: object) -> None:
    if not answer.done():
        answer.set_result(reply)
