"""Parts of every HTTP service: the app with health checks and problem responses, and its server."""

import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from bookcore.domain.errors import BookstreamError
from bookcore.kit.admin.server import METRICS_TYPE
from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.draining import DrainingServer
from bookcore.kit.head_requests import HeadRequests
from bookcore.kit.openapi import install_openapi
from bookcore.kit.problem import install_problem_handlers
from bookcore.kit.query_parameters import QueryCheck
from bookcore.kit.request_metrics import OWN_PATHS, RequestMetrics

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Health(BaseModel):
    """`status` is `ok`, or `unavailable` with the reason in `detail`."""

    status: Annotated[str, Field(examples=["ok"])]
    detail: Annotated[str | None, Field(examples=["starting"])] = None


def create_service(
    title: str,
    *,
    lifespan: Lifespan,
    admin: ServiceAdmin,
    openapi_url: str | None = "/openapi.json",
    always: Sequence[str] = ("internal", "unavailable"),
) -> FastAPI:
    """An app with problem+json errors, `/health/live` (the process runs), `/health/ready` (it takes work).

    `openapi_url` None leaves that path to the caller; `always` are the problems that any operation may
    return. Unknown query parameters are refused by every route. The documentation pages are the gateway's:
    FastAPI's own load scripts from other hosts.
    """
    app = FastAPI(
        title=title,
        version="1",
        lifespan=_add_admin(lifespan, admin),
        openapi_url=openapi_url,
        dependencies=[Depends(QueryCheck())],
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # bookcore.kit has its own
        redirect_slashes=False,  # Starlette redirects to the host that the request names
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.admin = admin
    if admin.request_prefix:  # inside HeadRequests, whose requests are copies
        app.add_middleware(
            RequestMetrics, metrics=admin.metrics, prefix=admin.request_prefix, tracer=admin.tracer
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
        """Readiness: the service has started and isn't stopping. It asks no store."""
        try:
            admin.health.check_ready()
        except BookstreamError as error:
            return JSONResponse(Health(status="unavailable", detail=str(error)).model_dump(), 503)
        return JSONResponse(Health(status="ok").model_dump())

    return app


def add_metrics_route(app: FastAPI) -> None:
    """`/metrics` on the port of the service, which only the gateway reaches."""
    admin: ServiceAdmin = app.state.admin

    @app.get("/metrics", include_in_schema=False)
    def show_metrics() -> Response:
        return Response(admin.render_metrics(), media_type=METRICS_TYPE)


def remove_own_routes(app: FastAPI) -> None:
    """Health and metrics are on the admin port only."""
    app.router.routes[:] = [
        route for route in app.router.routes if getattr(route, "path", "") not in OWN_PATHS
    ]


def _add_admin(lifespan: Lifespan, admin: ServiceAdmin) -> Lifespan:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app), admin.run():
            yield

    return run


def serve(app: FastAPI, listener: socket.socket, *, log_level: str = "warning") -> None:
    """Serves until SIGTERM or SIGINT, then drains (1 s) and finishes running requests (10 s)."""
    config = uvicorn.Config(
        app,
        log_level=log_level.lower(),
        access_log=False,
        log_config=None,  # its loggers write as all others do
        proxy_headers=False,  # a local client could otherwise choose the address that rate limits use
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises the signal again after shutdown
        signal.signal(number, lambda *_: None)
    DrainingServer(config, on_leave=app.state.admin.health.leave).run(sockets=[listener])
