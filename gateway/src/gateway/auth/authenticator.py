"""Authenticates callers and counts their requests against quotas.

A token is verified by its signature, then by its session in the accounts database; that result is cached for
a few seconds. Changes by this gateway apply at once, changes by another gateway after those seconds.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from bookcore.cache import Cache
from bookcore.domain.errors import Unavailable
from bookcore.kit.auth import DEFAULT_SCOPES, Role
from bookcore.kit.problem import ProblemError
from gateway.accounts import AccountStatus
from gateway.accounts.api_keys import KEY_MARK
from gateway.accounts.caller import Caller, Credentials
from gateway.accounts.quota import Quota
from gateway.accounts.stores import AccountStores
from gateway.auth.access_tokens import AccessClaims, AccessTokens, build_unauthorized
from gateway.auth.generations import CacheGenerations, build_status_scope
from gateway.http.network_key import IPV6_PREFIX, build_network_key
from gateway.ratelimit.gcra import build_rate_headers
from gateway.ratelimit.limiter import RateLimiter
from gateway.ratelimit.plans import build_quota

_CACHE_SECONDS = 5.0
_NO_STATUS = b"-"
_WITH_FACTOR = "factor"
_KEY = re.compile(KEY_MARK + "[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Quotas:
    """Quotas of a user of the free plan, and of a network without a token.

    `ipv6_prefix`: bits of an IPv6 address that are one network.
    """

    user: Quota
    anonymous: Quota
    ipv6_prefix: int = IPV6_PREFIX


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """An authenticated caller, with the rate limit headers of the response."""

    caller: Caller
    headers: dict[str, str]


class Authenticator:
    """Authentication and quotas over accounts database and cache."""

    def __init__(
        self,
        tokens: AccessTokens,
        stores: AccountStores,
        cache: Cache,
        *,
        quotas: Quotas,
        admins_need_factor: bool = False,
    ) -> None:
        self._tokens = tokens
        self._stores = stores
        self._cache = cache
        self._generations = CacheGenerations(cache)
        self._limiter = RateLimiter(cache)
        self.quotas = quotas
        self.admins_need_factor = admins_need_factor
        self._callbacks: list[Callable[[str], None]] = []

    def on_account_changed(self, callback: Callable[[str], None]) -> None:
        """Register a callback for the id of every user whose role, plan, sessions or keys change here."""
        self._callbacks.append(callback)

    async def authenticate(self, credentials: Credentials) -> AuthenticatedRequest:
        """Authenticate and count the request: against the user or, without valid credentials, the network
        address.

        Raises: ProblemError, unauthorized or too-many-requests.
        """
        try:
            caller = await self.identify_caller(credentials)
        except ProblemError:
            await self.count_address(self.quotas.anonymous, credentials.address)
            raise
        return AuthenticatedRequest(caller, await self.count_request(caller.quota, caller.user_id))

    async def count_address(self, quota: Quota, address: str) -> dict[str, str]:
        """Count one request against the network of an address, like `count_request`."""
        return await self.count_request(quota, self.find_network(address))

    def find_network(self, address: str) -> str:
        """The network by which an address is counted."""
        return build_network_key(address, self.quotas.ipv6_prefix)

    async def count_request(self, quota: Quota, subject: str) -> dict[str, str]:
        """Count one request; returns the rate limit headers. Raises: ProblemError(too-many-requests)."""
        decision = await self._limiter.take(quota, subject)
        headers = build_rate_headers(quota, decision)
        if not decision.allowed:
            detail = f"the quota is {quota.requests} in {quota.window:g} s; wait {headers['Retry-After']} s"
            raise ProblemError("too-many-requests", detail, headers=headers)
        return headers

    async def invalidate_user(self, user_id: str) -> None:
        """Drop cached data of a user whose role, plan, sessions or keys changed."""
        await self._generations.advance(build_status_scope(user_id))
        for callback in self._callbacks:
            callback(user_id)
        # commands are answered in order: this reply means that those of the callbacks are done
        await self._generations.get_current(build_status_scope(user_id))

    async def identify_caller(self, credentials: Credentials) -> Caller:
        """Authenticate by access token or API key without counting the request.

        Raises: ProblemError(unauthorized).
        """
        scheme, _, token = (credentials.authorization or "").partition(" ")
        token = token.strip()
        if credentials.api_key is not None:
            if credentials.authorization:
                raise build_unauthorized("send either Authorization or X-API-Key, not both")
            return await self._identify_by_key(credentials.api_key.strip())
        if not credentials.authorization:
            raise build_unauthorized(
                "send `Authorization: Bearer <access token or API key>`", is_token_bad=False
            )
        if scheme.lower() != "bearer":
            raise build_unauthorized("the only supported scheme is Bearer")
        return await (
            self._identify_by_key(token) if token.startswith(KEY_MARK) else self._identify_by_token(token)
        )

    async def _identify_by_token(self, token: str) -> Caller:
        claims = self._tokens.verify(token)
        status = await self._get_status(claims)
        if status is None:
            raise build_unauthorized("the session has ended; log in again")
        return Caller(
            user_id=claims.user_id,
            role=status.role,
            session=claims.session,
            scopes=self._list_scopes(status),
            quota=build_quota(status.plan, self.quotas.user),
            key_id=None,
            expires_at=float(claims.expires_at),
        )

    async def _identify_by_key(self, secret: str) -> Caller:
        # always read from the database, so that a revoked key is refused at once; CallerCache holds callers
        is_well_formed = _KEY.fullmatch(secret) is not None
        row = await asyncio.to_thread(self._stores.api_keys.find_key, secret) if is_well_formed else None
        if row is None:
            raise build_unauthorized("the API key is unknown, revoked or expired; create another one")
        key, status = row
        return Caller(
            user_id=key.user_id,
            role=status.role,
            session=f"key:{key.id}",
            scopes=key.scopes & self._list_scopes(status),
            quota=build_quota(status.plan, self.quotas.user),
            key_id=key.id,
            expires_at=inf if key.expires_at is None else float(key.expires_at),
        )

    def _list_scopes(self, status: AccountStatus) -> frozenset[str]:
        if self.admins_need_factor and status.role is Role.ADMIN and not status.has_second_factor:
            return DEFAULT_SCOPES[Role.READER]
        return DEFAULT_SCOPES[status.role]

    async def _get_status(self, claims: AccessClaims) -> AccountStatus | None:
        try:
            return await self._get_cached_status(claims)
        except Unavailable:  # without the cache server every caller is read from the database
            return await self._read_status(claims)

    async def _read_status(self, claims: AccessClaims) -> AccountStatus | None:
        return await asyncio.to_thread(self._stores.sessions.find_status, claims.session, claims.user_id)

    async def _get_cached_status(self, claims: AccessClaims) -> AccountStatus | None:
        generation = await self._generations.get_current(build_status_scope(claims.user_id))
        key = f"status:{claims.user_id}:{generation}:{claims.session}"
        cached = await self._cache.get(key)
        if cached is None:
            row = await self._read_status(claims)
            cached = _NO_STATUS if row is None else _encode_status(row)
            await self._cache.set(key, cached, ttl=_CACHE_SECONDS)
        if cached == _NO_STATUS:
            return None
        role, factor, plan = cached.decode().split(" ", 2)
        return AccountStatus(Role(role), plan, has_second_factor=factor == _WITH_FACTOR)


def _encode_status(status: AccountStatus) -> bytes:
    factor = _WITH_FACTOR if status.has_second_factor else "-"
    return f"{status.role} {factor} {status.plan}".encode()
