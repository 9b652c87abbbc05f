"""A draining service sends `Connection: close` and is ejected."""

from collections import Counter
from threading import Event

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.unit.gateway.servers import OpenGateway, serve_app


class DrainableService:
    """Responds with its name; drains on demand."""

    def __init__(self, name: str) -> None:
        self.name, self.is_draining = name, False
        self.status = 200
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "PUT"])])

    async def _answer(self, request: Request) -> JSONResponse:
        await request.body()
        headers = {"Connection": "close"} if self.is_draining else {}
        return JSONResponse({"name": self.name}, self.status, headers)


def count_responses(client: httpx.Client, times: int) -> Counter[str]:
    return Counter(client.put(f"/v1/books/{n}", json={}).json()["name"] for n in range(times))


def test_draining_upstream_gets_no_requests_until_it_recovers(
    door: OpenGateway,
) -> None:
    one, two = DrainableService("one"), DrainableService("two")
    with serve_app(one.app) as first, serve_app(two.app) as second:
        client = door(first, second)
        assert count_responses(client, 4) == {"one": 2, "two": 2}
        one.is_draining = True
        counts = count_responses(client, 10)
        assert counts["one"] <= 1
        assert count_responses(client, 10) == {"two": 10}
        one.is_draining = False
        for _ in range(100):
            if count_responses(client, 2)["one"]:
                return
            Event().wait(0.05)
        raise AssertionError("the address was not readmitted")


def test_single_draining_address_still_gets_requests(door: OpenGateway) -> None:
    only = DrainableService("only")
    only.is_draining = True
    with serve_app(only.app) as address:
        assert count_responses(door(address), 10) == {"only": 10}


def test_error_response_that_closes_its_connection_does_not_eject(door: OpenGateway) -> None:
    one, two = DrainableService("one"), DrainableService("two")
    one.is_draining, one.status = True, 413
    with serve_app(one.app) as first, serve_app(two.app) as second:
        assert count_responses(door(first, second), 10) == {"one": 5, "two": 5}
