"""The data plane behind ASGI: for what the fast lane leaves, and for any other server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.types import Message, Receive, Scope, Send

from bookcore.kit.problem import ProblemError
from gateway.auth.caller_cache import Known
from gateway.auth.request_auth import Doorkeeper
from gateway.cache.response_cache import Store
from gateway.downstream.asgi_exchange import AsgiClient, AsgiVisit
from gateway.http.request_head import Head
from gateway.http.scope import add_answer_headers, identity_of, name_user
from gateway.proxy.handler import Engine
from gateway.proxy.passthrough import Relay
from gateway.routing.cache_tags import tags_of_write
from gateway.routing.match import LONGEST_TARGET, Plan, plan_of
from gateway.routing.routes import is_known_method, may
from gateway.upstream.call import Call, prepare
from gateway.upstream.request import Outbound

_log = structlog.get_logger()
_READING = ("GET", "HEAD", "OPTIONS")


class _ClientGone(Exception):
    """There is nobody to answer."""


class _Counted:
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

    doorkeeper: Doorkeeper
    engine: Engine
    store: Store
    count: Callable[[Known, int], None]


class DataPlane:
    """An ASGI app for the routed addresses; raises ProblemError while nothing has been sent."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._with = dependencies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI. Raises: ProblemError, also when a service dies amid its answer."""
        head = Head([(name.lower(), value) for name, value in scope["headers"]])
        client = AsgiClient(scope)
        is_stale = True
        while is_stale:
            known = await self._with.doorkeeper.known(head, client.address)
            name_user(scope, known.caller.user_id)
            counted = _Counted(send, partial(self._with.count, known))
            try:
                plan = await self._permitted(scope, known)
                visit = AsgiVisit(plan, head, known, client=client, scope=scope)
                visit.request_id, visit.traceparent = identity_of(scope)
                if _has_body(head) or visit.method not in _READING:
                    await self._write(visit, receive, counted)
                else:
                    await self._read(visit, receive, counted)
            except ProblemError as error:
                counted.count(error.problem.status)
                raise
            is_stale = visit.is_stale

    async def _permitted(self, scope: Scope, known: Known) -> Plan:
        plan = plan_of(scope["path"], scope["query_string"])
        problem = _objection(scope["method"], plan, known)
        if problem is not None or plan is None:
            add_answer_headers(scope, await self._with.doorkeeper.count(known))
            raise problem or ProblemError("not-found", "no service answers here")
        return plan

    async def _read(self, visit: AsgiVisit, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(_departure(receive, visit))
        try:
            self._with.engine.serve(visit)
            await visit.deliver(send)
        finally:
            leaving.cancel()
            if visit.flow is not None and not visit.is_gone:
                visit.flow.abandon()

    async def _write(self, visit: AsgiVisit, receive: Receive, send: Send) -> None:
        headers = await self._with.doorkeeper.count(visit.known)
        add_answer_headers(visit.scope, headers)
        engine = self._with.engine
        upstream = engine.upstreams[visit.plan.route.service]
        relay = Relay(visit, upstream.name, note=b"fwd=bypass")
        ready = asyncio.Event()
        relay.when_ready = ready.set
        if visit.method not in _READING and visit.plan.route.cache_group:
            relay.on_answer = lambda status, go_on: self._purge(visit.plan, status, go_on)
        asked = engine.outbound(visit)
        outbound = Outbound(asked.method, asked.target, asked.lines, length=visit.head.length)
        call = prepare(upstream, outbound, relay)
        visit.flow = relay.call = call
        call.source = visit
        call.attempt()
        pumping = asyncio.ensure_future(_pump(receive, visit, call, ready))
        delivering = asyncio.ensure_future(visit.deliver(send))
        try:
            await asyncio.wait((pumping, delivering), return_when=asyncio.FIRST_COMPLETED)
            if pumping.done() and pumping.exception() is not None and not delivering.done():
                await pumping
            await delivering
        except _ClientGone:
            return
        finally:
            for task in (pumping, delivering):
                task.cancel()
            await asyncio.gather(pumping, delivering, return_exceptions=True)
            call.abandon()

    def _purge(self, plan: Plan, status: int, go_on: Callable[[], None]) -> None:
        if status >= 400:
            go_on()
            return

        def purged(error: Exception | None) -> None:
            if error is not None:
                _log.warning("a write was not purged everywhere", path=plan.path, error=str(error))
            go_on()

        self._with.store.purge(tags_of_write(plan.path), purged)


def _objection(method: str, plan: Plan | None, known: Known) -> ProblemError | None:
    if plan is None:
        return ProblemError("not-found", "no service answers at this address; /docs lists them")
    if not is_known_method(method):
        return ProblemError("method-not-allowed", f"{method[:20]} is not passed on")
    if not may(known.caller.scopes, plan.route, method):
        return ProblemError("forbidden", f"{method} needs the scope {plan.route.needs(method)}")
    if len(plan.target) > LONGEST_TARGET:
        return ProblemError("invalid", f"the address is longer than {LONGEST_TARGET} bytes")
    return None


def _has_body(head: Head) -> bool:
    return head.length is None or head.length > 0


async def _departure(receive: Receive, visit: AsgiVisit) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    visit.gone()


async def _pump(receive: Receive, visit: AsgiVisit, call: Call, ready: asyncio.Event) -> None:
    if call.outbound.has_body:
        await ready.wait()
        is_whole = False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            await visit.room()
            call.send(message.get("body", b""))
            is_whole = not message.get("more_body", False)
        call.finish()
    await _departure(receive, visit)
