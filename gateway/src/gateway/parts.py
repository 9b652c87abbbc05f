"""The gateway's parts, opened in one place and closed in one place."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from bookcore.cache import Cache, open_cache
from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog, open_event_log
from bookcore.kit.clock import Clock, SystemClock
from gateway.cache.responses import ResponseCache
from gateway.control.access import Access, Quotas
from gateway.control.accounts.database import Database, open_database
from gateway.control.accounts.sessions import Sessions
from gateway.control.accounts.users import Users
from gateway.control.doors import Control
from gateway.control.keys import open_keys
from gateway.control.passwords import Passwords
from gateway.control.tokens import AccessTokens
from gateway.core.gcra import Quota
from gateway.core.routes import Service
from gateway.dataplane.balance import Balancer
from gateway.dataplane.upstream import Upstream
from gateway.settings import Settings

_CONNECTIONS = 200
_IDLE_SECONDS = 2.0
"""Shorter than uvicorn's 5, so that a service doesn't hang up just as a request goes out."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the gateway stands on."""

    cache: Cache
    event_log: EventLog
    transport: httpx.AsyncBaseTransport
    clock: Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the app is wired of."""

    outside: Outside
    database: Database
    control: Control
    responses: ResponseCache
    upstreams: Mapping[Service, Upstream]

    async def close(self) -> None:
        """Free it all, the outside included."""
        self.control.passwords.close()
        self.database.close()
        self.outside.event_log.close()
        await self.outside.transport.aclose()
        await self.outside.cache.close()


def open_outside(settings: Settings) -> Outside:
    """What the settings name. Raises: BookstreamError."""
    limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_IDLE_SECONDS)
    return Outside(
        cache=open_cache(settings.cache_url),
        event_log=open_event_log(settings.event_log_url),
        transport=httpx.AsyncHTTPTransport(limits=limits, trust_env=False),
        clock=SystemClock(),
    )


def open_parts(settings: Settings, outside: Outside | None = None) -> Parts:
    """Raises: BookstreamError when the keys, the accounts or the outside can't be opened."""
    keys = open_keys(settings.gateway_keys)
    database = open_database(settings.accounts_url)
    try:
        found = outside or open_outside(settings)
    except BookstreamError:
        database.close()
        raise
    life_seconds = settings.gateway_refresh_days * 86_400
    sessions = Sessions(database, clock=found.clock, life_seconds=life_seconds)
    tokens = AccessTokens(keys, clock=found.clock, life_seconds=settings.gateway_token_seconds)
    control = Control(
        users=Users(database, clock=found.clock),
        sessions=sessions,
        passwords=Passwords(),
        keys=keys,
        tokens=tokens,
        access=Access(tokens, sessions, found.cache, quotas=_quotas(settings)),
    )
    responses = ResponseCache(found.cache, clock=found.clock)
    return Parts(found, database, control, responses, _upstreams(settings, found))


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        user=Quota("user", settings.gateway_requests_per_minute),
        anonymous=Quota("anonymous", settings.gateway_anonymous_per_minute),
        login_address=Quota("login-address", settings.gateway_logins_per_address),
        login_email=Quota("login-email", settings.gateway_logins_per_email),
    )


def _upstreams(settings: Settings, outside: Outside) -> Mapping[Service, Upstream]:
    timeout = httpx.Timeout(settings.gateway_read_seconds, connect=settings.gateway_connect_seconds)
    addresses = {
        Service.BOOKS: settings.books_api_urls,
        Service.SEARCH: settings.search_api_urls,
        Service.ML: settings.ml_api_urls,
    }
    return {
        service: Upstream(
            service.value, Balancer(urls, clock=outside.clock), outside.transport, timeout=timeout
        )
        for service, urls in addresses.items()
    }
