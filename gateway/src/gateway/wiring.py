"""The gateway's parts, opened in one place and closed in one place."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from bookcore.cache import Cache, open_cache
from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog, open_event_log
from bookcore.kit.auth import InternalTokens
from bookcore.kit.clock import Clock, SystemClock, make_seconds_clock
from bookcore.kit.cursor import SignedCursors
from gateway.accounts.database import Database, open_database
from gateway.accounts.login_failures import LoginFailures
from gateway.accounts.periods import DAY, DAY_SECONDS, LONGEST_MONTH_SECONDS, MONTH
from gateway.accounts.quota import Quota
from gateway.accounts.stores import Stores
from gateway.api.dependencies import Control
from gateway.auth.access_tokens import AccessTokens
from gateway.auth.authenticator import Access, Quotas
from gateway.auth.caller_cache import USER_TAG, TokenCache
from gateway.auth.passwords import Passwords
from gateway.auth.request_auth import RequestAuthenticator
from gateway.auth.signing_keys import KeyFolder
from gateway.cache.local import LocalCache
from gateway.cache.response_cache import ResponseCache
from gateway.downstream.context import ConnectionLimits, DownstreamContext
from gateway.downstream.fast_path import FastPath
from gateway.downstream.open_connections import OpenConnections
from gateway.http.caching import Lifetime
from gateway.http.client_address import TrustedProxies
from gateway.http.date import DateHeader
from gateway.http.trace import Tracer
from gateway.observability.access_log import AccessLog, RequestRecorder
from gateway.proxy.handler import Collaborators, RequestHandler
from gateway.ratelimit.address_limiter import AddressLimiter
from gateway.ratelimit.usage import UsageRecorder
from gateway.routing.routes import Service
from gateway.settings import Settings
from gateway.timeouts import TimeoutSweeper
from gateway.upstream.health_check import HealthChecker
from gateway.upstream.upstream import Upstream

_log = structlog.get_logger()
_REMEMBERED_SECONDS, _REMEMBERED_ALONE = 60.0, 5.0
"""How long a token isn't checked again; alone, nobody tells when another gateway changes a user."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the gateway stands on."""

    cache: Cache
    event_log: EventLog
    clock: Clock


@dataclass(frozen=True, slots=True)
class Plane:
    """The data plane's."""

    store: ResponseCache
    engine: RequestHandler
    inside: DownstreamContext
    sweep: TimeoutSweeper


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the app is wired of."""

    outside: Outside
    database: Database
    control: Control
    plane: Plane

    async def close(self) -> None:
        """Free it all, the outside included."""
        await self.control.usage.close()
        await self.control.failures.close()
        self.control.passwords.close()
        self.database.close()
        self.outside.event_log.close()
        await asyncio.gather(*(upstream.close() for upstream in self.plane.engine.upstreams.values()))
        await self.outside.cache.close()


def open_outside(settings: Settings) -> Outside:
    """What the settings name. Raises: BookstreamError."""
    return Outside(
        cache=open_cache(settings.cache_url),
        event_log=open_event_log(settings.event_log_url),
        clock=SystemClock(),
    )


def open_parts(settings: Settings, outside: Outside | None = None) -> Parts:
    """Raises: BookstreamError when the keys, the accounts or the outside can't be opened."""
    clock = outside.clock if outside else SystemClock()
    keys = KeyFolder(settings.gateway_keys, clock=clock, token_seconds=settings.gateway_token_seconds)
    database = open_database(settings.accounts_url)
    try:
        found = outside or open_outside(settings)
    except BookstreamError:
        database.close()
        raise
    control = _control(settings, database, found, keys)
    return Parts(found, database, control, _plane(settings, found, control))


def _control(settings: Settings, database: Database, outside: Outside, keys: KeyFolder) -> Control:
    clock, token_seconds = outside.clock, settings.gateway_token_seconds
    session_seconds = settings.gateway_refresh_days * 86_400
    stores = Stores.on(database, clock=clock, session_seconds=session_seconds)
    tokens = AccessTokens(keys, clock=clock, life_seconds=token_seconds)
    return Control(
        stores=stores,
        passwords=Passwords(),
        keys=keys,
        tokens=tokens,
        access=Access(tokens, stores, outside.cache, quotas=_quotas(settings)),
        usage=UsageRecorder(stores.usage, clock=clock),
        failures=LoginFailures(stores),
        clock=clock,
        cursors=SignedCursors(settings.internal_secret.get_secret_value()),
    )


def _plane(settings: Settings, outside: Outside, control: Control) -> Plane:
    access = control.access
    now = make_seconds_clock(outside.clock)
    is_shared = not settings.cache_url.startswith("memory:")
    shelf = LocalCache(max_bytes=settings.gateway_cache_bytes)
    store = ResponseCache(outside.cache, shelf, now=now, is_shared=is_shared)
    life_seconds = _REMEMBERED_SECONDS if is_shared else _REMEMBERED_ALONE
    tokens = TokenCache(life_seconds=life_seconds, now=now, admission_of=store.prepare_subject)
    store.add_purge_listener(tokens.hear)
    control.usage.add_exhausted_listener(tokens.forget)
    access.on_standing_changed(lambda user_id: store.purge([USER_TAG + user_id], _say_unheard))
    engine = RequestHandler(
        Collaborators(
            store=store,
            tokens=tokens,
            internal=InternalTokens(settings.internal_secret.get_secret_value()),
            upstreams=_upstreams(settings, now),
            tracer=Tracer(percent=settings.gateway_trace_percent),
        ),
        most=Lifetime(
            settings.gateway_cache_seconds,
            settings.gateway_stale_seconds,
            settings.gateway_stale_error_seconds,
        ),
        entry_bytes=settings.gateway_cache_entry_bytes,
    )
    inside = DownstreamContext(
        fast_path=FastPath(engine),
        recorder=RequestRecorder(AccessLog(now=now) if settings.gateway_access_log else None),
        usage=control.usage,
        date=DateHeader(),
        limits=ConnectionLimits(idle_seconds=settings.gateway_idle_seconds),
        connections=OpenConnections(),
        authenticator=RequestAuthenticator(access, tokens, control.usage),
        trusted_proxies=TrustedProxies(settings.gateway_trusted_proxies),
        address_limiter=AddressLimiter(per_minute=settings.gateway_address_requests_per_minute, now=now),
    )
    return Plane(store, engine, inside, _sweep(engine, inside))


def _sweep(engine: RequestHandler, inside: DownstreamContext) -> TimeoutSweeper:
    sweep = TimeoutSweeper()
    for upstream in engine.upstreams.values():
        sweep.add(upstream)
        sweep.add(HealthChecker(upstream))
    sweep.add(inside.connections)
    if inside.recorder.log is not None:
        sweep.add(inside.recorder.log)
    return sweep


def _say_unheard(error: BookstreamError | None) -> None:
    if error is not None:
        _log.warning("other gateways were not told of a user's change", error=str(error))


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        user=_user_quota(settings),
        anonymous=Quota("anonymous", settings.gateway_anonymous_per_minute),
        login_address=Quota("login-address", settings.gateway_logins_per_address),
        login_email=Quota("login-email", settings.gateway_logins_per_email),
        login_everyone=Quota("login-everyone", settings.gateway_logins_per_minute),
    )


def _user_quota(settings: Settings) -> Quota:
    by_day = Quota(DAY, settings.requests_per_day, DAY_SECONDS)
    by_month = Quota(MONTH, settings.requests_per_month, LONGEST_MONTH_SECONDS)
    return Quota("user", settings.gateway_requests_per_minute, beside=(by_day, by_month))


def _upstreams(settings: Settings, now: Callable[[], float]) -> Mapping[Service, Upstream]:
    addresses = {
        Service.BOOKS: settings.books_api_urls,
        Service.SEARCH: settings.search_api_urls,
        Service.ML: settings.ml_api_urls,
    }
    return {
        service: Upstream(
            service.value,
            urls,
            connect_seconds=settings.gateway_connect_seconds,
            read_seconds=settings.gateway_read_seconds,
            now=now,
        )
        for service, urls in addresses.items()
    }
