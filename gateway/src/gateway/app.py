"""The gateway put together; uvicorn runs what create_app gives."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.routing import Route

from bookcore.kit.app import Lifespan, create_service
from bookcore.kit.auth import InternalTokens
from gateway.cache.purge import ChangeListener
from gateway.control import admin_routes, auth_routes, doc_routes, key_routes, user_routes
from gateway.control.bootstrap import ensure_admin, wanted_admin
from gateway.core.routes import PUBLIC_PREFIX, ROUTES
from gateway.dataplane.documents import MergedDocuments
from gateway.dataplane.edge import Edge
from gateway.dataplane.fill import CachedReads
from gateway.dataplane.proxy import DataPlane, Dependencies
from gateway.parts import Outside, Parts, open_parts
from gateway.settings import Settings

_log = structlog.get_logger()
_PURGE_SECONDS = 10.0


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
        "Bookstream", lifespan=_lifespan(settings, parts), ready=parts.database.check, openapi_url=None
    )
    app.state.control = parts.control
    app.state.library = MergedDocuments(app.openapi, parts.upstreams, cache=parts.outside.cache)
    for module in (auth_routes, user_routes, key_routes, admin_routes, doc_routes):
        app.include_router(module.router)
    _route_services(app, _data_plane(settings, parts))
    app.add_middleware(Edge, body_limit=settings.gateway_body_bytes)
    return app


def _route_services(app: FastAPI, plane: DataPlane) -> None:
    for route in ROUTES:
        address = PUBLIC_PREFIX + route.prefix
        app.router.routes.append(Route(address, plane, include_in_schema=False))
        app.router.routes.append(Route(f"{address}/{{rest:path}}", plane, include_in_schema=False))


def _data_plane(settings: Settings, parts: Parts) -> DataPlane:
    ttl, most = settings.gateway_cache_seconds, settings.gateway_cache_entry_bytes
    internal = InternalTokens(settings.internal_secret.get_secret_value())
    return DataPlane(
        Dependencies(
            access=parts.control.access,
            internal=internal,
            upstreams=parts.upstreams,
            responses=parts.responses,
            reads=CachedReads(parts.responses, ttl=ttl, entry_bytes=most),
        )
    )


def _lifespan(settings: Settings, parts: Parts) -> Lifespan:
    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        _say_what_is_embedded(settings)
        listener = _listener(settings, parts, asyncio.get_running_loop())
        listener.start()
        parts.control.usage.start()
        try:
            yield
        finally:
            await asyncio.to_thread(listener.stop)
            await parts.close()

    return running


def _listener(settings: Settings, parts: Parts, loop: asyncio.AbstractEventLoop) -> ChangeListener:
    groups = {route.cache_group for route in ROUTES if route.cache_group}

    async def purge() -> None:
        for group in groups:
            await parts.responses.purge(group)

    def on_change() -> None:
        work: Coroutine[None, None, None] = purge()
        asyncio.run_coroutine_threadsafe(work, loop).result(_PURGE_SECONDS)

    instance = settings.gateway_instance
    group = f"gateway.purge.{instance}" if instance else "gateway.purge"
    return ChangeListener(parts.outside.event_log, group=group, on_change=on_change)


def _say_what_is_embedded(settings: Settings) -> None:
    for name, url in (("accounts", settings.accounts_url), ("cache", settings.cache_url)):
        if url.startswith(("sqlite:", "memory:")):
            _log.info("embedded adapter", port=name, scheme=url.partition(":")[0])
