from threading import Event
from time import monotonic

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.unit.gateway.raw import Wire
from tests.unit.gateway.servers import served

from gateway.downstream.middleware import RequestMiddleware
from gateway.http.trace import Tracer
from gateway.observability.access_log import RequestRecorder


def edge(seconds: float) -> RequestMiddleware:
    async def answer(request: Request) -> Response:
        return JSONResponse({"count": len(await request.body())})

    app = Starlette(routes=[Route("/", answer, methods=["PUT"])])
    return RequestMiddleware(
        app, body_limit=(1_000_000, seconds), tracer=Tracer(percent=0), recorder=RequestRecorder(None)
    )


def test_a_body_that_drips_is_given_up_though_something_comes_all_the_time() -> None:
    with served(edge(0.5)) as address, Wire(address, "none") as wire:
        wire.send(wire.request("PUT", "/", "Content-Length: 1000"))
        began = monotonic()
        for _ in range(4):
            Event().wait(0.1)
            wire.send(b"x")
        status, headers = wire.head()
        assert (status, headers["connection"]) == (408, "close")
        assert monotonic() - began < 0.85  # and not half a second after the last byte


def test_a_long_body_may_take_longer() -> None:
    with served(edge(0.5)) as address, Wire(address, "none") as wire:
        wire.send(wire.request("PUT", "/", "Content-Length: 100000"))
        for _ in range(10):
            wire.send(b"x" * 10_000)
            Event().wait(0.1)
        assert wire.answer().body == b'{"count":100000}'
