"""The shop as an ASGI app.

Public pages are answered here, bare, for speed; `/_shop/` goes to a Starlette app.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from sample_shop.addresses import Address, PathKind, parse_path
from sample_shop.answers import ShopResponse, build_conditional, build_plain, build_unvalidated
from sample_shop.bodies import send_endless, send_huge
from sample_shop.control import ControlRoutes, create_control_app
from sample_shop.counter import RequestCounter
from sample_shop.damage import DAMAGES, apply_damage
from sample_shop.faults import Fault, FaultInjector, FaultKind
from sample_shop.shop import Shop
from sample_shop.storefront import Storefront
from sample_shop.timeline import Clock, Timeline

Sleep = Callable[[float], Awaitable[None]]

REFUSALS = {
    FaultKind.TOO_MANY: build_plain(429, "Too many requests; come back in a second.", (b"retry-after", b"1")),
    FaultKind.FAILURE: build_plain(500, "Something fell off a shelf."),
    FaultKind.REDIRECT_PRIVATE: build_plain(302, "Moved.", (b"location", b"http://10.0.0.1/")),
}
STREAMS = {FaultKind.ENDLESS: send_endless, FaultKind.HUGE: send_huge}


@dataclass(frozen=True, slots=True)
class ShopApp:
    """Serves one shop; made by `create_app`."""

    timeline: Timeline
    desk: FaultInjector
    counter: RequestCounter
    storefront: Storefront
    control: ASGIApp
    sleep: Sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_shop/"):
            await self.control(scope, receive, send)
            return
        address = parse_path(scope["path"])
        fault = self.desk.draw(scope["path"], address)
        if fault is not None and fault.kind in STREAMS:
            self.counter.record(200, address.kind, fault.kind)
            await STREAMS[fault.kind](send)
            return
        if fault is not None and fault.kind is FaultKind.SLOW:
            await self.sleep(fault.seconds)
        answer = self._build_response(scope, address, fault)
        self.counter.record(answer.status, address.kind, fault.kind if fault else None)
        await _send(send, answer, with_body=scope["method"] != "HEAD")

    def _build_response(self, scope: Scope, address: Address, fault: Fault | None) -> ShopResponse:
        if scope["method"] not in ("GET", "HEAD"):
            return build_plain(405, "Only GET and HEAD.", (b"allow", b"GET, HEAD"))
        if fault is not None and fault.kind in REFUSALS:
            return REFUSALS[fault.kind]
        moment = self.timeline.get_moment()
        page = (
            self.storefront.render_sitemap(_build_base(scope))
            if address.kind is PathKind.SITEMAP
            else self.storefront.render_page(address, moment)
        )
        if page is None:
            return build_plain(404, "There is no such page in this shop.")
        if fault is not None and fault.kind in DAMAGES:
            return build_unvalidated(apply_damage(fault.kind, page))
        changed_at = self.timeline.find_last_change(page.books, moment)
        return build_conditional(page, changed_at, self.timeline.read_clock(), dict(scope["headers"]))


def _build_base(scope: Scope) -> str:
    """Address of the shop as the caller names it; a sitemap has whole addresses only."""
    host = dict(scope["headers"]).get(b"host", b"127.0.0.1").decode("latin-1")
    return f"{scope['scheme']}://{host}"


async def _send(send: Send, answer: ShopResponse, *, with_body: bool) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def create_app(
    shop: Shop,
    *,
    change_rate: float = 0.0,
    faults: Sequence[Fault] = (),
    clock: Clock = time.time,
    sleep: Sleep = asyncio.sleep,
) -> ShopApp:
    """`change_rate` is books per minute.

    A test passes its own `clock` (Unix seconds) and `sleep` and never waits.
    """
    timeline = Timeline(shop, rate=change_rate, clock=clock)
    desk = FaultInjector.create(shop.seed, faults)
    counter = RequestCounter()
    control = create_control_app(ControlRoutes(shop, timeline, desk, counter))
    return ShopApp(timeline, desk, counter, Storefront(shop), control, sleep)
