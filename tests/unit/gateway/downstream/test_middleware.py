from threading import Event
from time import monotonic

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import serve_app

from gateway.downstream.middleware import RequestMiddleware
from gateway.http.browser_headers import BrowserHeaders
from gateway.http.trace import Tracer
from gateway.observability.access_log import RequestRecorder


def create_middleware(seconds: float) -> RequestMiddleware:
    async def answer(request: Request) -> Response:
        return JSONResponse({"count": len(await request.body())})

    app = Starlette(routes=[Route("/", answer, methods=["PUT"])])
    return RequestMiddleware(
        app,
        body_limit=(1_000_000, seconds),
        tracer=Tracer(percent=0),
        recorder=RequestRecorder(None),
        browser_headers=BrowserHeaders(()),
    )


def test_slowly_dripping_body_times_out() -> None:
    with serve_app(create_middleware(0.5)) as address, RawConnection(address, "none") as wire:
        wire.send(wire.build_request("PUT", "/", "Content-Length: 1000"))
        began = monotonic()
        for _ in range(4):
            Event().wait(0.1)
            wire.send(b"x")
        status, headers = wire.read_head()
        assert (status, headers["connection"]) == (408, "close")
        assert monotonic() - began < 0.85  # and not half a second after the last byte


def test_long_body_may_take_longer() -> None:
    with serve_app(create_middleware(0.5)) as address, RawConnection(address, "none") as wire:
        wire.send(wire.build_request("PUT", "/", "Content-Length: 100000"))
        for _ in range(10):
            wire.send(b"x" * 10_000)
            Event().wait(0.1)
        assert wire.read_response().body == b'{"count":100000}'
