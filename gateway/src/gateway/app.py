"""The gateway put together; uvicorn runs what create_app gives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bookcore.kit.app import Lifespan, create_service
from gateway.api import (
    admin_routes,
    auth_routes,
    cache_routes,
    doc_routes,
    key_routes,
    portal_routes,
    user_routes,
)
from gateway.api.openapi_documents import MergedDocuments
from gateway.bootstrap import ensure_admin, wanted_admin
from gateway.cache.change_listener import ChangeListener
from gateway.downstream.asgi_app import Dependencies, ProxyApp
from gateway.downstream.middleware import RequestMiddleware
from gateway.observability.counters import Watched
from gateway.observability.prometheus import MetricsEndpoint
from gateway.routing.routes import PUBLIC_PREFIX, ROUTES
from gateway.settings import Settings
from gateway.wiring import Outside, Parts, Plane, open_parts

_log = structlog.get_logger()
_PURGE_SECONDS = 10.0
_ROUTES = (auth_routes, user_routes, key_routes, admin_routes, cache_routes, doc_routes, portal_routes)
_BODY_SECONDS = 30.0
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings, outside: Outside | None = None) -> FastAPI:
    """The whole gateway on what the settings name, or on the `outside` given; the app closes either.

    Raises: BookstreamError when accounts, keys, cache or event log can't be opened.
    """
    email, password = settings.bootstrap_admin_email, settings.bootstrap_admin_password.get_secret_value()
    admin = wanted_admin(email, password)
    parts = open_parts(settings, outside)
    if admin is not None:
        ensure_admin(admin, users=parts.control.stores.users, passwords=parts.control.passwords)
    app = create_service(
        "Bookstream",
        lifespan=_lifespan(settings, parts),
        ready=parts.database.check,
        openapi_url=None,
        always=("too-many-requests", "internal", "unavailable"),
    )
    app.state.control = parts.control
    app.state.library = MergedDocuments(app.openapi, parts.plane.engine.upstreams, cache=parts.outside.cache)
    for module in _ROUTES:
        app.include_router(module.router)
    app.state.purger = _Purger(parts.plane)
    app.state.metrics = _metrics(parts.plane)
    app.router.routes.append(Route("/metrics", _endpoint(app.state.metrics), include_in_schema=False))
    app.state.inside = parts.plane.inside
    _route_services(app, _data_plane(parts.plane))
    app.add_middleware(
        RequestMiddleware,
        body_limit=(settings.gateway_body_bytes, _BODY_SECONDS),
        tracer=parts.plane.engine.tracer,
        observer=parts.plane.inside.recorder,
    )
    return app


def _route_services(app: FastAPI, plane: ProxyApp) -> None:
    for route in ROUTES:
        address = PUBLIC_PREFIX + route.prefix
        app.router.routes.append(Route(address, plane, include_in_schema=False))
        app.router.routes.append(Route(f"{address}/{{rest:path}}", plane, include_in_schema=False))


class _Purger:
    def __init__(self, plane: Plane) -> None:
        self._store = plane.store

    async def purge(self, tags: Sequence[str]) -> None:
        await self._store.purge_and_wait(tags)


def _metrics(plane: Plane) -> MetricsEndpoint:
    inside = plane.inside
    watched = Watched(
        inside.recorder, plane.store, inside.connections.count, inside.address_limiter, plane.engine.upstreams
    )
    page = MetricsEndpoint(watched)
    plane.sweep.add(page)
    return page


def _endpoint(page: MetricsEndpoint) -> Endpoint:
    async def show(request: Request) -> Response:
        return await page(request)

    return show


def _data_plane(plane: Plane) -> ProxyApp:
    inside = plane.inside
    return ProxyApp(
        Dependencies(
            doorkeeper=inside.authenticator,
            engine=plane.engine,
            store=plane.store,
            count=lambda known, status: inside.usage.count(known.caller, status),
        )
    )


def _lifespan(settings: Settings, parts: Parts) -> Lifespan:
    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        _say_what_is_embedded(settings)
        listener = _listener(settings, parts, asyncio.get_running_loop())
        listener.start()
        parts.control.usage.start()
        parts.control.failures.start()
        parts.plane.sweep.start()
        try:
            yield
        finally:
            parts.plane.sweep.stop()
            await asyncio.to_thread(listener.stop)
            await parts.close()

    return running


def _listener(settings: Settings, parts: Parts, loop: asyncio.AbstractEventLoop) -> ChangeListener:
    def on_change(tags: Sequence[str]) -> None:
        asyncio.run_coroutine_threadsafe(parts.plane.store.purge_and_wait(tags), loop).result(_PURGE_SECONDS)

    instance = settings.gateway_instance
    group = f"gateway.purge.{instance}" if instance else "gateway.purge"
    return ChangeListener(parts.outside.event_log, group=group, on_change=on_change)


def _say_what_is_embedded(settings: Settings) -> None:
    for name, url in (("accounts", settings.accounts_url), ("cache", settings.cache_url)):
        if url.startswith(("sqlite:", "memory:")):
            _log.info("embedded adapter", port=name, scheme=url.partition(":")[0])
