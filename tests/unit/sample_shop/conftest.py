"""A synchronous httpx client straight into the ASGI app: the front door without a socket."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from sample_shop.app import ShopApp, create_app
from sample_shop.shop import Shop


class InProcess(httpx.BaseTransport):
    """One event loop a request, so that no test has to be asynchronous."""

    def __init__(self, app: ShopApp) -> None:
        self._inner = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = httpx.ByteStream(await response.aread())
        return httpx.Response(response.status_code, headers=response.headers, stream=body)


@pytest.fixture
def visit() -> Callable[[ShopApp], httpx.Client]:
    return lambda app: httpx.Client(transport=InProcess(app), base_url="http://shop.test")


@pytest.fixture
def client(visit: Callable[[ShopApp], httpx.Client]) -> httpx.Client:
    """A quiet shop of sixty books."""
    return visit(create_app(Shop()))
