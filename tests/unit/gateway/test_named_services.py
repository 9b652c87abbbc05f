"""The gateway in front of a name whose addresses change under requests."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.unit.gateway.servers import RunningGateway, StubServices, run_gateway, serve_app

from gateway.settings import Settings
from gateway.upstream.upstream import Upstream


class Pod:
    """A process of books-api that answers with its name, once it may."""

    def __init__(self, name: str) -> None:
        self.name, self.host = name, ""
        self.asked, self.go_on = Event(), Event()

    async def answer(self, request: Request) -> Response:
        self.host = request.headers["host"]
        self.asked.set()
        assert await asyncio.to_thread(self.go_on.wait, 30)
        return JSONResponse({"by": self.name})

    @contextmanager
    def serve(self) -> Iterator[str]:
        with serve_app(Starlette(routes=[Route("/{path:path}", self.answer)])) as address:
            yield address


def get_upstream(gate: RunningGateway) -> Upstream:
    found: Upstream = next(
        upstream
        for upstream in gate.app.state.downstream.handler.upstreams.values()
        if upstream.name == "books-api"
    )
    return found


def test_a_request_under_way_ends_at_an_address_that_has_left(
    settings: Settings, services: StubServices
) -> None:
    old, new = Pod("old"), Pod("new")
    new.go_on.set()
    with ExitStack() as stack:
        old_url, new_url = stack.enter_context(old.serve()), stack.enter_context(new.serve())
        gate = stack.enter_context(run_gateway(settings.model_copy(update={"books_api_urls": (old_url,)})))
        with gate.connect() as slow, gate.connect() as quick:
            slow.send(slow.build_get("/v1/books?category=slow"))
            assert old.asked.wait(30)
            upstream = get_upstream(gate)
            gate.app.state.admin.gate.call(lambda: upstream.replace_addresses({new_url: ""}))
            quick.send(quick.build_get("/v1/books?category=quick"))
            assert quick.read_response().body == b'{"by":"new"}'
            old.go_on.set()
            assert slow.read_response().body == b'{"by":"old"}'
            for _ in range(100):
                if old_url not in upstream.pools:
                    break
                Event().wait(0.1)
            assert set(upstream.pools) == {new_url}


def test_the_addresses_of_a_name_are_known_before_the_first_request(
    settings: Settings, services: StubServices
) -> None:
    pod = Pod("pod")
    pod.go_on.set()
    with pod.serve() as url:
        port = url.rpartition(":")[2]
        named = settings.model_copy(update={"books_api_urls": (f"dns+http://localhost:{port}",)})
        with run_gateway(named) as gate, gate.connect() as wire:
            wire.send(wire.build_get("/v1/books"))
            assert wire.read_response().status == 200
            assert url in get_upstream(gate).balancer.addresses
    assert pod.host == f"localhost:{port}"
