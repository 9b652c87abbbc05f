"""The data plane behind ASGI: for what the fast lane leaves, and for any other server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.types import Message, Receive, Scope, Send

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import Known
from gateway.auth.request_auth import RequestAuthenticator
from gateway.cache.response_cache import ResponseCache
from gateway.downstream.asgi_exchange import AsgiClient, AsgiExchange
from gateway.http.request_head import RequestHead
from gateway.http.scope import add_response_headers, get_request_ids, set_user
from gateway.proxy.handler import RequestHandler
from gateway.proxy.passthrough import Passthrough
from gateway.routing.cache_tags import build_write_tags
from gateway.routing.match import MAX_TARGET_BYTES, RouteMatch, match_path
from gateway.routing.routes import is_permitted, is_supported_method
from gateway.upstream.messages import OutboundHead
from gateway.upstream.request import UpstreamRequest, create_request

_log = structlog.get_logger()
_READING = ("GET", "HEAD", "OPTIONS")


class _ClientDisconnected(Exception):
    """There is nobody to answer."""


class _StatusCounter:
    """As ASGI's send; counts the answer's status, or that of the problem instead of it, once."""

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


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the data plane works with."""

    doorkeeper: RequestAuthenticator
    engine: RequestHandler
    store: ResponseCache
    count: Callable[[Known, int], None]


class ProxyApp:
    """An ASGI app for the routed addresses; raises ProblemError while nothing has been sent."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._with = dependencies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI. Raises: ProblemError, also when a service dies amid its answer."""
        head = RequestHead([(name.lower(), value) for name, value in scope["headers"]])
        client = AsgiClient(scope)
        is_stale = True
        while is_stale:
            auth = await self._with.doorkeeper.authenticate(head, client.address)
            set_user(scope, auth.caller.user_id)
            counted = _StatusCounter(send, partial(self._with.count, auth))
            try:
                match = await self._permitted(scope, auth)
                exchange = AsgiExchange(match, head, auth, client=client, scope=scope)
                exchange.request_id, exchange.traceparent = get_request_ids(scope)
                if _has_body(head) or exchange.method not in _READING:
                    await self._write(exchange, receive, counted)
                else:
                    await self._read(exchange, receive, counted)
            except ProblemError as error:
                counted.count(error.problem.status)
                raise
            is_stale = exchange.is_restarted

    async def _permitted(self, scope: Scope, auth: Known) -> RouteMatch:
        match = match_path(scope["path"], scope["query_string"])
        problem = _objection(scope["method"], match, auth)
        if problem is not None or match is None:
            add_response_headers(scope, await self._with.doorkeeper.count(auth))
            raise problem or ProblemError("not-found", "no service answers here")
        return match

    async def _read(self, exchange: AsgiExchange, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(_watch_disconnect(receive, exchange))
        try:
            self._with.engine.handle(exchange)
            await exchange.deliver(send)
        finally:
            leaving.cancel()
            if exchange.source is not None and not exchange.is_disconnected:
                exchange.source.cancel()

    async def _write(self, exchange: AsgiExchange, receive: Receive, send: Send) -> None:
        headers = await self._with.doorkeeper.count(exchange.auth)
        add_response_headers(exchange.scope, headers)
        engine = self._with.engine
        upstream = engine.upstreams[exchange.match.route.service]
        passthrough = Passthrough(exchange, upstream.name, note=b"fwd=bypass")
        ready = asyncio.Event()
        passthrough.ready_callback = ready.set
        if exchange.method not in _READING and exchange.match.route.cache_group:
            passthrough.on_status = lambda status, go_on: self._purge(exchange.match, status, go_on)
        asked = engine.build_outbound_head(exchange)
        head = OutboundHead(asked.method, asked.target, asked.lines, length=exchange.head.body_length)
        request = create_request(upstream, head, passthrough)
        exchange.source = passthrough.request = request
        request.source = exchange
        request.attempt()
        pumping = asyncio.ensure_future(_send_body(receive, exchange, request, ready))
        delivering = asyncio.ensure_future(exchange.deliver(send))
        try:
            await asyncio.wait((pumping, delivering), return_when=asyncio.FIRST_COMPLETED)
            if pumping.done() and pumping.exception() is not None and not delivering.done():
                await pumping
            await delivering
        except _ClientDisconnected:
            return
        finally:
            for task in (pumping, delivering):
                task.cancel()
            await asyncio.gather(pumping, delivering, return_exceptions=True)
            request.cancel()

    def _purge(self, match: RouteMatch, status: int, go_on: Callable[[], None]) -> None:
        if status >= 400:
            go_on()
            return

        def purged(error: Exception | None) -> None:
            if error is not None:
                _log.warning("a write was not purged everywhere", path=match.path, error=str(error))
            go_on()

        self._with.store.purge(build_write_tags(match.path), purged)


def _objection(method: str, match: RouteMatch | None, auth: Known) -> ProblemError | None:
    if match is None:
        return ProblemError("not-found", "no service answers at this address; /docs lists them")
    if not is_supported_method(method):
        return ProblemError("method-not-allowed", f"{method[:20]} is not passed on")
    if not is_permitted(auth.caller.scopes, match.route, method):
        return ProblemError("forbidden", f"{method} needs the scope {match.route.get_scope(method)}")
    if len(match.target) > MAX_TARGET_BYTES:
        return ProblemError("invalid", f"the address is longer than {MAX_TARGET_BYTES} bytes")
    return None


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
        is_whole = False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientDisconnected
            await exchange.wait_for_room()
            request.send_body(message.get("body", b""))
            is_whole = not message.get("more_body", False)
        request.end_body()
    await _watch_disconnect(receive, exchange)
