"""The proxy as an ASGI app: for requests that the fast path does not take, and for other servers."""

import asyncio
from collections.abc import Callable
from functools import partial

from starlette.types import Message, Receive, Scope, Send

from bookcore.kit.logger import get_logger
from bookcore.kit.problem import ProblemError
from gateway.accounts.caller import Caller
from gateway.auth.request_auth import RequestAuth
from gateway.cache.response_cache import ResponseCache
from gateway.downstream.asgi_exchange import AsgiClient, AsgiExchange
from gateway.http.request_head import RequestHead
from gateway.http.scope import add_response_headers, get_request_ids, set_user
from gateway.proxy.handler import RequestHandler
from gateway.proxy.passthrough import Passthrough
from gateway.routing.cache_tags import build_write_tags
from gateway.routing.match import RouteMatch, match_path
from gateway.upstream.messages import OutboundHead
from gateway.upstream.request import UpstreamRequest, create_request

_log = get_logger(__name__)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class _ClientDisconnected(Exception):
    """The client disconnected before its request was complete."""


class _StatusCounter:
    """An ASGI send that reports the response's status once; 0 is never reported."""

    def __init__(self, send: Send, count: Callable[[int], None]) -> None:
        self._send = send
        self._count: Callable[[int], None] | None = count

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.count(message["status"])
        await self._send(message)

    def count(self, status: int) -> None:
        count, self._count = self._count, None
        if count is not None:
            count(status)


class ProxyApp:
    """An ASGI app for the routed paths; raises ProblemError while nothing has been sent."""

    def __init__(
        self,
        *,
        auth: RequestAuth,
        handler: RequestHandler,
        cache: ResponseCache,
        count_usage: Callable[[Caller, int], None],
    ) -> None:
        self._auth, self._handler, self._cache = auth, handler, cache
        self._count_usage = count_usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises: ProblemError, also when a service disconnects during its response."""
        head = RequestHead([(name.lower(), value) for name, value in scope["headers"]])
        client = AsgiClient(scope)
        is_restarted = True
        while is_restarted:
            match = match_path(scope["path"], scope["query_string"])
            auth, problem = await self._auth.authorize(scope["method"], match, head, client.address)
            set_user(scope, auth.caller.user_id)
            counter = _StatusCounter(send, partial(self._count_usage, auth.caller))
            try:
                if problem is not None or match is None:
                    add_response_headers(scope, await self._auth.count(auth))
                    raise problem or ProblemError("not-found", "no service has this path")
                exchange = AsgiExchange(match, head, auth, client=client, scope=scope)
                exchange.request_id, exchange.traceparent = get_request_ids(scope)
                if _has_body(head) or exchange.method not in _SAFE_METHODS:
                    await self._stream(exchange, receive, counter)
                else:
                    await self._handle(exchange, receive, counter)
            except ProblemError as error:
                counter.count(error.problem.status)
                raise
            is_restarted = exchange.is_restarted

    async def _handle(self, exchange: AsgiExchange, receive: Receive, send: Send) -> None:
        """A request without a body, through the cache."""
        watcher = asyncio.ensure_future(_watch_disconnect(receive, exchange))
        try:
            self._handler.handle(exchange)
            await exchange.deliver(send)
        finally:
            watcher.cancel()
            if exchange.source is not None and not exchange.is_disconnected:
                exchange.source.cancel()

    async def _stream(self, exchange: AsgiExchange, receive: Receive, send: Send) -> None:
        """A write, or a request with a body: past the cache, body and response at the same time."""
        add_response_headers(exchange.scope, await self._auth.count(exchange.auth))
        ready = asyncio.Event()
        request = self._create_request(exchange, on_ready=ready.set)
        request.attempt()
        sending = asyncio.ensure_future(_send_body(receive, exchange, request, ready))
        delivering = asyncio.ensure_future(exchange.deliver(send))
        try:
            await asyncio.wait((sending, delivering), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and sending.exception() is not None and not delivering.done():
                await sending
            await delivering
        except _ClientDisconnected:
            return
        finally:
            for task in (sending, delivering):
                task.cancel()
            await asyncio.gather(sending, delivering, return_exceptions=True)
            request.cancel()

    def _create_request(self, exchange: AsgiExchange, *, on_ready: Callable[[], None]) -> UpstreamRequest:
        match = exchange.match
        upstream = self._handler.upstreams[match.route.service]
        passthrough = Passthrough(exchange, upstream.name, note=b"fwd=bypass")
        passthrough.ready_callback = on_ready
        if exchange.method not in _SAFE_METHODS and match.route.cache_group:
            passthrough.on_status = lambda status, release: self._purge(match, status, release)
        plain = self._handler.build_outbound_head(exchange)
        head = OutboundHead(plain.method, plain.target, plain.lines, length=exchange.head.body_length)
        request = create_request(upstream, head, passthrough, self._handler.build_holder(exchange))
        exchange.source = passthrough.request = request
        request.source = exchange
        return request

    def _purge(self, match: RouteMatch, status: int, release: Callable[[], None]) -> None:
        """Releases the response of a successful write once the purge is known to all gateways."""
        if status >= 400:
            release()
            return

        def on_purged(error: Exception | None) -> None:
            if error is not None:
                _log.warning("purge after a write failed", path=match.path, error=str(error))
            release()

        self._cache.purge(build_write_tags(match.path), on_purged)


def _has_body(head: RequestHead) -> bool:
    return head.body_length is None or head.body_length > 0


async def _watch_disconnect(receive: Receive, exchange: AsgiExchange) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    exchange.disconnect()


async def _send_body(
    receive: Receive, exchange: AsgiExchange, request: UpstreamRequest, ready: asyncio.Event
) -> None:
    if request.head.has_body:
        await ready.wait()
        has_more = True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientDisconnected
            await exchange.wait_for_room()
            request.send_body(message.get("body", b""))
            has_more = message.get("more_body", False)
        request.end_body()
    await _watch_disconnect(receive, exchange)
