"""The gateway's ASGI app; `create_app` builds all of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bookcore.cache import Cache
from bookcore.event_log import EventLog
from bookcore.events.topics import CHANGED
from bookcore.kit.admin.server import AdminServer, bind_admin_port
from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.app import Lifespan, create_service
from bookcore.kit.clock import Clock, SystemClock
from bookcore.kit.logger import get_logger
from bookcore.kit.settings import Environment
from bookcore.kit.tracing.tracer import Tracer
from gateway.api import (
    account_routes,
    admin_routes,
    auth_routes,
    cache_routes,
    doc_routes,
    docs_ui_routes,
    factor_routes,
    key_routes,
    oidc_routes,
    portal_routes,
    reset_routes,
    user_routes,
)
from gateway.api.openapi_documents import MergedDocuments
from gateway.auth.signing_key_files import read_keys
from gateway.bootstrap import ensure_admin, parse_admin
from gateway.cache.change_listener import ChangeListener, build_group_name
from gateway.cache.response_cache import ResponseCache
from gateway.downstream.asgi_app import ProxyApp
from gateway.downstream.middleware import RequestMiddleware
from gateway.observability.counters import collect_counters
from gateway.observability.prometheus import FAMILIES, MetricsEndpoint
from gateway.observability.spans import create_span_recorder
from gateway.routing.routes import PUBLIC_PREFIX, ROUTES, Service
from gateway.settings import Settings
from gateway.upstream.resolver import NameResolvers
from gateway.wiring import Components, open_components

_log = get_logger(__name__)
_PURGE_SECONDS = 10.0
_ROUTES = (
    auth_routes,
    reset_routes,
    oidc_routes,
    account_routes,
    factor_routes,
    user_routes,
    key_routes,
    admin_routes,
    cache_routes,
    doc_routes,
    docs_ui_routes,
    portal_routes,
)
_BODY_SECONDS = 30.0
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    settings: Settings,
    *,
    cache: Cache | None = None,
    event_log: EventLog | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """The whole gateway; what is not given is opened as the settings say. The app closes all of it.

    Raises: BookstreamError when accounts, keys, cache or event log can't be opened.
    """
    email, password = settings.bootstrap_admin_email, settings.bootstrap_admin_password.get_secret_value()
    admin = parse_admin(email, password)
    if settings.environment is Environment.PRODUCTION:
        read_keys(settings.gateway_keys)  # where there is none, production makes none
    components = open_components(settings, cache=cache, event_log=event_log, clock=clock or SystemClock())
    control, downstream = components.control, components.downstream
    if admin is not None:
        ensure_admin(admin, users=control.stores.users, passwords=control.passwords)
    process = _create_admin(settings, components)
    if process.tracer.add is not None:
        downstream.recorder.spans = create_span_recorder(process.tracer.add)
    app = create_service(
        "Bookstream",
        lifespan=_create_lifespan(settings, components, process),
        admin=process,
        openapi_url=None,
        always=("too-many-requests", "internal", "unavailable"),
    )
    app.state.control, app.state.downstream = control, downstream
    app.state.library = MergedDocuments(app.openapi, components.handler.upstreams, cache=components.cache)
    for module in _ROUTES:
        app.include_router(module.router)
    app.state.purger = _Purger(components.response_cache)
    _add_metrics(app, components, process, has_admin_port=settings.admin_port > 0)
    _add_proxy(app, components)
    app.add_middleware(
        RequestMiddleware,
        body_limit=(settings.gateway_body_bytes, _BODY_SECONDS),
        tracer=downstream.tracer,
        recorder=downstream.recorder,
        browser_headers=downstream.browser_headers,
    )
    return app


class _Purger:
    def __init__(self, response_cache: ResponseCache) -> None:
        self._response_cache = response_cache

    async def purge(self, tags: Sequence[str]) -> None:
        await self._response_cache.purge_and_wait(tags)


def _add_metrics(app: FastAPI, components: Components, admin: ServiceAdmin, *, has_admin_port: bool) -> None:
    downstream = components.downstream
    collect = partial(
        collect_counters,
        recorder=downstream.recorder,
        cache=components.response_cache,
        address_limiter=downstream.address_limiter,
        upstreams=components.handler.upstreams,
        count_connections=downstream.connections.count,
    )
    metrics = app.state.metrics = MetricsEndpoint(admin, collect, has_admin_port=has_admin_port)
    components.sweeper.add(metrics)

    async def show_metrics(request: Request) -> Response:
        return await metrics(request)  # a function: Starlette takes other callables for ASGI apps

    app.router.routes.append(Route("/metrics", show_metrics, include_in_schema=False))


def _add_proxy(app: FastAPI, components: Components) -> None:
    proxy = ProxyApp(
        auth=components.downstream.auth,
        handler=components.handler,
        cache=components.response_cache,
        count_usage=components.control.usage.count,
    )
    for route in ROUTES:
        path = PUBLIC_PREFIX + route.prefix
        app.router.routes.append(Route(path, proxy, include_in_schema=False))
        app.router.routes.append(Route(f"{path}/{{rest:path}}", proxy, include_in_schema=False))


def _create_admin(settings: Settings, components: Components) -> ServiceAdmin:
    group = build_group_name(settings.gateway_instance)
    checks = {
        "accounts": components.database.check_connection,
        "event log": lambda: components.event_log.read_progress(CHANGED.name, group),
    }
    own = [family.name for family in FAMILIES.values()]
    return ServiceAdmin("gateway", checks, elsewhere=own, traces=settings.traces)


def _create_lifespan(settings: Settings, components: Components, admin: ServiceAdmin) -> Lifespan:
    is_shared = settings.gateway_workers > 1 or settings.gateway_takes_over
    admin_listener = bind_admin_port(settings, shared=is_shared)
    resolvers = _create_resolvers(settings, components)

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        admin_port = AdminServer(admin_listener, admin.build_pages()) if admin_listener else None
        if admin_port is not None:
            admin_port.open()
        _log_embedded_adapters(settings)
        await resolvers.resolve()
        listener = _create_listener(settings, components, admin.tracer)
        listener.start()
        components.control.usage.start()
        components.control.failures.start()
        components.sweeper.start()
        try:
            yield
        finally:
            components.sweeper.stop()
            resolvers.close()
            if admin_port is not None:
                await asyncio.to_thread(admin_port.close)
            await asyncio.to_thread(listener.stop)
            await components.close()

    return run


def _create_resolvers(settings: Settings, components: Components) -> NameResolvers:
    urls = {
        Service.BOOKS: settings.books_api_urls,
        Service.SEARCH: settings.search_api_urls,
        Service.ML: settings.ml_api_urls,
    }
    upstreams = components.handler.upstreams
    resolvers = NameResolvers({upstreams[service]: given for service, given in urls.items()})
    components.sweeper.add(resolvers)
    return resolvers


def _create_listener(settings: Settings, components: Components, tracer: Tracer) -> ChangeListener:
    loop = asyncio.get_running_loop()

    def purge(tags: Sequence[str]) -> None:
        purging = components.response_cache.purge_and_wait(tags)
        asyncio.run_coroutine_threadsafe(purging, loop).result(_PURGE_SECONDS)

    return ChangeListener(
        components.event_log, instance=settings.gateway_instance, on_change=purge, tracer=tracer
    )


def _log_embedded_adapters(settings: Settings) -> None:
    for name, url in (("accounts", settings.accounts_url), ("cache", settings.cache_url)):
        if url.startswith(("sqlite:", "memory:")):
            _log.info("embedded adapter", port=name, scheme=url.partition(":")[0])
