"""A service that is about to stop says `Connection: close`: nothing more is sent to it than must be."""

from collections import Counter
from threading import Event

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.unit.gateway.servers import Door, served


class Service:
    """Says its name, and that it leaves when it does."""

    def __init__(self, name: str) -> None:
        self.name, self.is_leaving = name, False
        self.status = 200
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "PUT"])])

    async def _answer(self, request: Request) -> JSONResponse:
        await request.body()
        headers = {"Connection": "close"} if self.is_leaving else {}
        return JSONResponse({"name": self.name}, self.status, headers)


def who_answers(client: httpx.Client, times: int) -> Counter[str]:
    return Counter(client.put(f"/v1/books/{n}", json={}).json()["name"] for n in range(times))


def test_who_says_that_it_leaves_gets_no_more_requests_and_is_taken_back_when_it_stays(door: Door) -> None:
    one, two = Service("one"), Service("two")
    with served(one.app) as first, served(two.app) as second:
        client = door(first, second)
        assert who_answers(client, 4) == {"one": 2, "two": 2}
        one.is_leaving = True
        told = who_answers(client, 10)
        assert told["one"] <= 1
        assert who_answers(client, 10) == {"two": 10}
        one.is_leaving = False
        for _ in range(100):
            if who_answers(client, 2)["one"]:
                return
            Event().wait(0.05)
        raise AssertionError("never asked again")


def test_the_only_one_is_asked_whatever_it_says(door: Door) -> None:
    only = Service("only")
    only.is_leaving = True
    with served(only.app) as address:
        assert who_answers(door(address), 10) == {"only": 10}


def test_a_refusal_that_ends_its_connection_says_nothing_of_the_service(door: Door) -> None:
    one, two = Service("one"), Service("two")
    one.is_leaving, one.status = True, 413
    with served(one.app) as first, served(two.app) as second:
        assert who_answers(door(first, second), 10) == {"one": 5, "two": 5}
