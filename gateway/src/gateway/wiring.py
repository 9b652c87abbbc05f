"""Opens and closes all components of the gateway, in one place."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bookcore.cache import Cache, open_cache
from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog, open_event_log
from bookcore.kit.auth import InternalTokens
from bookcore.kit.clock import Clock, make_monotonic_clock, make_seconds_clock
from bookcore.kit.logger import get_logger
from gateway.account_wiring import create_control
from gateway.accounts.database import Database, open_database
from gateway.api.dependencies import ApiDependencies
from gateway.auth.caller_cache import USER_TAG, CallerCache
from gateway.auth.request_auth import RequestAuth
from gateway.auth.signing_keys import SigningKeys
from gateway.cache.local import LocalCache
from gateway.cache.response_cache import ResponseCache
from gateway.downstream.context import ConnectionLimits, DownstreamContext
from gateway.downstream.fast_path import FastPath
from gateway.downstream.open_connections import OpenConnections
from gateway.http.browser_headers import BrowserHeaders
from gateway.http.caching import Lifetime
from gateway.http.client_address import TrustedProxies
from gateway.http.date import DateHeader
from gateway.http.trace import Tracer
from gateway.observability.access_log import AccessLog, RequestRecorder
from gateway.proxy.handler import RequestHandler
from gateway.ratelimit.address_limiter import AddressLimiter
from gateway.routing.routes import Service
from gateway.settings import Settings
from gateway.timeouts import TimeoutSweeper
from gateway.upstream.health_check import HealthChecker
from gateway.upstream.open_requests import StreamLimit
from gateway.upstream.pool import UpstreamTimeouts
from gateway.upstream.upstream import Upstream

_log = get_logger(__name__)
_CALLER_SECONDS, _CALLER_SECONDS_UNSHARED = 60.0, 5.0
"""How long a caller stays cached; shorter where no shared cache tells of changes by other gateways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Everything that the app is built from."""

    cache: Cache
    event_log: EventLog
    database: Database
    control: ApiDependencies
    response_cache: ResponseCache
    handler: RequestHandler
    downstream: DownstreamContext
    sweeper: TimeoutSweeper

    async def close(self) -> None:
        """Writes what is pending and closes all connections."""
        await self.control.usage.close()
        await self.control.failures.close()
        await self.control.mail.close()
        self.control.passwords.close()
        self.database.close()
        self.event_log.close()
        await asyncio.gather(*(upstream.close() for upstream in self.handler.upstreams.values()))
        await self.cache.close()


def open_components(
    settings: Settings, *, cache: Cache | None, event_log: EventLog | None, clock: Clock
) -> Components:
    """Opens what is not given. Raises: BookstreamError when accounts, keys, cache or event log can't open."""
    keys = SigningKeys(settings.gateway_keys, clock=clock, token_seconds=settings.gateway_token_seconds)
    database = open_database(settings.accounts_url)
    try:
        cache = cache or open_cache(settings.cache_url)
        event_log = event_log or open_event_log(settings.event_log_url)
    except BookstreamError:
        database.close()
        raise
    control = create_control(settings, database, cache, clock=clock, keys=keys)
    response_cache = ResponseCache(
        cache,
        LocalCache(
            max_bytes=settings.gateway_cache_bytes, max_entry_bytes=settings.gateway_cache_entry_bytes
        ),
        now=make_monotonic_clock(clock),
        wall_now=make_seconds_clock(clock),
        is_shared=_has_shared_cache(settings),
    )
    handler = _create_handler(settings, response_cache)
    downstream = _create_downstream(settings, control, response_cache, handler)
    return Components(
        cache=cache,
        event_log=event_log,
        database=database,
        control=control,
        response_cache=response_cache,
        handler=handler,
        downstream=downstream,
        sweeper=_create_sweeper(downstream),
    )


def _has_shared_cache(settings: Settings) -> bool:
    return not settings.cache_url.startswith("memory:")


def _create_handler(settings: Settings, response_cache: ResponseCache) -> RequestHandler:
    return RequestHandler(
        cache=response_cache,
        internal_tokens=InternalTokens(settings.internal_secret.get_secret_value()),
        upstreams=_create_upstreams(settings, response_cache.now),
        max_lifetime=Lifetime(
            settings.gateway_cache_seconds,
            settings.gateway_stale_seconds,
            settings.gateway_stale_error_seconds,
        ),
        ipv6_prefix=settings.gateway_ipv6_prefix,
    )


def _create_downstream(
    settings: Settings, control: ApiDependencies, response_cache: ResponseCache, handler: RequestHandler
) -> DownstreamContext:
    now = response_cache.now
    callers = _create_caller_cache(settings, control, response_cache)
    tracer = Tracer(percent=settings.trace_percent)
    access_log = AccessLog(now=response_cache.wall_now) if settings.gateway_access_log else None
    browser_headers = BrowserHeaders(settings.gateway_cors_origins)
    return DownstreamContext(
        fast_path=FastPath(callers=callers, tracer=tracer, browser_headers=browser_headers, now=now),
        handler=handler,
        auth=RequestAuth(control.authenticator, callers, control.usage),
        recorder=RequestRecorder(access_log),
        usage=control.usage,
        tracer=tracer,
        date=DateHeader(),
        limits=ConnectionLimits(
            idle_seconds=settings.gateway_idle_seconds, read_seconds=settings.gateway_slow_reader_seconds
        ),
        connections=OpenConnections(),
        browser_headers=browser_headers,
        trusted_proxies=TrustedProxies(settings.gateway_trusted_proxies),
        address_limiter=AddressLimiter(
            per_minute=settings.gateway_address_requests_per_minute,
            now=now,
            ipv6_prefix=settings.gateway_ipv6_prefix,
        ),
        websocket_paths=frozenset(settings.gateway_websocket_paths),
        websocket_limit=StreamLimit(
            per_caller=settings.gateway_websockets_per_caller,
            per_network=settings.gateway_websockets_per_address,
        ),
    )


def _create_caller_cache(
    settings: Settings, control: ApiDependencies, response_cache: ResponseCache
) -> CallerCache:
    """Cached callers end when their plan is exhausted here, or when any gateway changes the user."""
    callers = CallerCache(
        life_seconds=_CALLER_SECONDS if _has_shared_cache(settings) else _CALLER_SECONDS_UNSHARED,
        now=response_cache.now,
        wall_now=response_cache.wall_now,
        create_subject=response_cache.prepare_subject,
    )
    response_cache.add_purge_listener(callers.on_purge)
    control.usage.add_exhausted_listener(callers.invalidate_user)
    control.authenticator.on_account_changed(
        lambda user_id: response_cache.purge([USER_TAG + user_id], _log_failed_purge)
    )
    return callers


def _create_sweeper(downstream: DownstreamContext) -> TimeoutSweeper:
    sweeper = TimeoutSweeper()
    for upstream in downstream.handler.upstreams.values():
        sweeper.add(upstream)
        sweeper.add(HealthChecker(upstream))
    sweeper.add(downstream.connections)
    if downstream.recorder.log is not None:
        sweeper.add(downstream.recorder.log)
    return sweeper


def _log_failed_purge(error: BookstreamError | None) -> None:
    if error is not None:
        _log.warning("other gateways were not notified of a changed user", error=str(error))


def _create_upstreams(settings: Settings, now: Callable[[], float]) -> Mapping[Service, Upstream]:
    addresses = {
        Service.BOOKS: settings.books_api_urls,
        Service.SEARCH: settings.search_api_urls,
        Service.ML: settings.ml_api_urls,
    }
    timeouts = UpstreamTimeouts(
        settings.gateway_connect_seconds, settings.gateway_read_seconds, settings.gateway_wait_seconds
    )
    export_limit = StreamLimit(
        per_caller=settings.gateway_exports_per_caller, per_network=settings.gateway_exports_per_address
    )
    return {
        service: Upstream(
            service.value,
            urls,
            timeouts=timeouts,
            export_limit=export_limit,
            now=now,
        )
        for service, urls in addresses.items()
    }
