"""The data plane: authenticate, authorise, answer from the cache or from a service."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from bookcore.kit.auth import Identity, InternalTokens
from bookcore.kit.problem import ProblemError
from gateway.cache.responses import ResponseCache
from gateway.control.access import Access, Caller, Credentials
from gateway.core.answer import add_answer_headers
from gateway.core.headers import Stamp, to_service
from gateway.core.routes import Service, Target, is_known_method, may, target_of
from gateway.dataplane.exchange import ClientGone, Exchange
from gateway.dataplane.fill import CachedReads
from gateway.dataplane.relay import refuse_unbelieved, relay
from gateway.dataplane.upstream import Outbound, Upstream


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the data plane works with."""

    access: Access
    internal: InternalTokens
    upstreams: Mapping[Service, Upstream]
    responses: ResponseCache
    reads: CachedReads


class DataPlane:
    """An ASGI app for the routed addresses; raises ProblemError while nothing has been sent."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._with = dependencies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI. Raises: ProblemError, also when a service dies amid its answer."""
        exchange = Exchange.of(scope, receive, send)
        admission = await self._with.access.admit(
            Credentials(exchange.header(b"authorization"), exchange.client.address)
        )
        add_answer_headers(scope, admission.headers)
        target = _permitted_target(exchange, admission.caller)
        try:
            outbound = await self._outbound(exchange, target, admission.caller)
            await exchange.while_connected(self._answer(exchange, target, outbound))
        except ClientGone:
            return

    async def _outbound(self, exchange: Exchange, target: Target, caller: Caller) -> Outbound:
        token = self._with.internal.sign(Identity(caller.user_id, caller.role))
        stamp = Stamp(exchange.client, exchange.request_id, token)
        headers = to_service(exchange.headers, stamp)
        return Outbound(exchange.method, exchange.target(target.path), headers, await exchange.body())

    async def _answer(self, exchange: Exchange, target: Target, outbound: Outbound) -> None:
        upstream = self._with.upstreams[target.route.service]
        if self._with.reads.covers(exchange, target):
            await self._with.reads.answer(exchange, target, outbound=outbound, upstream=upstream)
            return
        async with upstream.send(outbound) as response:
            refuse_unbelieved(response, upstream)
            await self._purge_after_write(exchange, target, response.status_code)
            await relay(exchange, response, cache_status="fwd=bypass")

    async def _purge_after_write(self, exchange: Exchange, target: Target, status: int) -> None:
        group = target.route.cache_group
        if group and exchange.method not in ("GET", "HEAD", "OPTIONS") and status < 400:
            await self._with.responses.purge(group)


def _permitted_target(exchange: Exchange, caller: Caller) -> Target:
    target = target_of(exchange.path)
    if target is None:
        raise ProblemError("not-found", "no service answers at this address; /docs lists them")
    if not is_known_method(exchange.method):
        raise ProblemError("method-not-allowed", f"{exchange.method[:20]} is not passed on")
    if not may(caller.role, exchange.method, asks_by_post=target.route.asks_by_post):
        raise ProblemError("forbidden", f"{exchange.method} needs the role admin")
    return target
