"""Parts of every HTTP service: the app with health checks and problem responses, and its server."""

import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.kit.draining import DrainingServer
from bookcore.kit.head_requests import HeadRequests
from bookcore.kit.openapi import install_openapi
from bookcore.kit.problem import install_problem_handlers
from bookcore.kit.query_parameters import QueryCheck

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Check = Callable[[], None]
"""Raises a BookstreamError when the service can't do its work now."""


class Health(BaseModel):
    """`status` is `ok`, or `unavailable` with the reason in `detail`."""

    status: Annotated[str, Field(examples=["ok"])]
    detail: Annotated[str | None, Field(examples=["the catalogue is not open yet"])] = None


def create_service(
    title: str,
    *,
    lifespan: Lifespan,
    ready: Check,
    openapi_url: str | None = "/openapi.json",
    always: Sequence[str] = ("internal", "unavailable"),
) -> FastAPI:
    """An app with problem+json errors, `/health/live` (the process runs) and `/health/ready` (it can serve).

    `openapi_url` None leaves that path to the caller; `always` are the problems that any operation may
    return. Unknown query parameters are refused by every route. The documentation pages are the gateway's:
    FastAPI's own load scripts from other hosts.
    """
    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        openapi_url=openapi_url,
        dependencies=[Depends(QueryCheck())],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # Starlette redirects to the host that the request names
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_middleware(HeadRequests)
    install_problem_handlers(app)
    install_openapi(app, always=always)

    @app.get("/health/live", name="live", tags=["health"])
    async def report_liveness() -> Health:
        """Liveness: the process runs."""
        return Health(status="ok")

    @app.get("/health/ready", tags=["health"], response_model=Health, responses={503: {"model": Health}})
    def is_ready() -> Response:
        """Readiness: every dependency of the service is available."""
        try:
            ready()
        except BookstreamError as error:
            return JSONResponse(Health(status="unavailable", detail=str(error)).model_dump(), 503)
        return JSONResponse(Health(status="ok").model_dump())

    return app


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening TCP socket; port 0 picks a free one. `shared` sets SO_REUSEPORT.

    Raises: Unavailable with the port when it is in use or not allowed.
    """
    listener = socket.socket(choose_address_family(host))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # asyncio sets this only on its own sockets; without it a response waits up to 40 ms for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot listen on {host}:{port} ({reason}); choose another port") from error
    return listener


def choose_address_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def serve(app: FastAPI, listener: socket.socket, *, log_level: str = "warning") -> None:
    """Serves until SIGTERM or SIGINT, then drains (1 s) and finishes running requests (10 s)."""
    config = uvicorn.Config(
        app,
        log_level=log_level.lower(),
        access_log=False,
        proxy_headers=False,  # a local client could otherwise choose the address that rate limits use
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again after shutdown
        signal.signal(number, lambda *_: None)
    DrainingServer(config).run(sockets=[listener])
