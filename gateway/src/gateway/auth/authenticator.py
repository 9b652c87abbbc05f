"""Who asks, and whether they may ask once more: one door for both planes.

A token is checked by signature, then by its session in the accounts database; that answer is kept for a few
seconds. What this gateway itself changes counts at once, what another one changes after those seconds.
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
from gateway.auth.generations import CacheGenerations
from gateway.ratelimit.gcra import build_rate_headers
from gateway.ratelimit.limiter import RateLimiter
from gateway.ratelimit.plans import build_quota

_CACHE_SECONDS = 5.0
_NO_STATUS = b"-"
_KEY = re.compile(KEY_MARK + "[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Quotas:
    """How often one may ask: as a user of the free plan, from an address without a token, and to log in."""

    user: Quota
    anonymous: Quota
    login_address: Quota
    login_email: Quota
    login_everyone: Quota


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """A caller let in, with the rate headers for the answer."""

    caller: Caller
    headers: dict[str, str]


class Authenticator:
    """Authentication and quotas over the cache port and the sessions."""

    def __init__(self, tokens: AccessTokens, stores: AccountStores, cache: Cache, *, quotas: Quotas) -> None:
        self._tokens = tokens
        self._stores = stores
        self._cache = cache
        self._generations = CacheGenerations(cache)
        self._limiter = RateLimiter(cache)
        self.quotas = quotas
        self._callbacks: list[Callable[[str], None]] = []

    def on_account_changed(self, callback: Callable[[str], None]) -> None:
        """Call it with the id of every user whose role, plan, sessions or keys change here."""
        self._callbacks.append(callback)

    async def authenticate(self, credentials: Credentials) -> AuthenticatedRequest:
        """Counts against the user or, without a good token, against the network address.

        Raises: ProblemError, unauthorized or too-many-requests.
        """
        try:
            caller = await self.identify_caller(credentials)
        except ProblemError:
            await self.count_request(self.quotas.anonymous, credentials.address)
            raise
        return AuthenticatedRequest(caller, await self.count_request(caller.quota, caller.user_id))

    async def count_request(self, quota: Quota, subject: str) -> dict[str, str]:
        """Count one request; the rate headers. Raises: ProblemError(too-many-requests)."""
        verdict = await self._limiter.take(quota, subject)
        headers = build_rate_headers(quota, verdict)
        if not verdict.allowed:
            detail = f"the quota is {quota.requests} in {quota.window:g} s; wait {headers['Retry-After']} s"
            raise ProblemError("too-many-requests", detail, headers=headers)
        return headers

    async def invalidate_user(self, user_id: str) -> None:
        """The user's role, plan, sessions or keys changed: look again at the next request."""
        await self._generations.advance(f"standing:{user_id}")
        for watcher in self._callbacks:
            watcher(user_id)
        # commands are answered in order: once this one is, those of the watchers have been carried out
        await self._generations.get_current(f"standing:{user_id}")

    async def identify_caller(self, credentials: Credentials) -> Caller:
        """Who asks, by access token or API key; counted against nobody.

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
            raise build_unauthorized("only the scheme Bearer is known here")
        return await (
            self._identify_by_key(token) if token.startswith(KEY_MARK) else self._identify_by_token(token)
        )

    async def _identify_by_token(self, token: str) -> Caller:
        claims = self._tokens.verify(token)
        standing = await self._get_status(claims)
        if standing is None:
            raise build_unauthorized("the session has ended; log in again")
        return Caller(
            user_id=claims.user_id,
            role=standing.role,
            session=claims.session,
            scopes=DEFAULT_SCOPES[standing.role],
            quota=build_quota(standing.plan, self.quotas.user),
            key_id=None,
            expires_at=float(claims.expires_at),
        )

    async def _identify_by_key(self, secret: str) -> Caller:
        # always asked of the database, so that a revoked key is out at once; the data plane remembers callers
        well_formed = _KEY.fullmatch(secret) is not None
        found = await asyncio.to_thread(self._stores.api_keys.find_key, secret) if well_formed else None
        if found is None:
            raise build_unauthorized("the API key is unknown, revoked or past its end; make another one")
        key, standing = found
        return Caller(
            user_id=key.user_id,
            role=standing.role,
            session=f"key:{key.id}",
            scopes=key.scopes & DEFAULT_SCOPES[standing.role],
            quota=build_quota(standing.plan, self.quotas.user),
            key_id=key.id,
            expires_at=inf if key.expires_at is None else float(key.expires_at),
        )

    async def _get_status(self, claims: AccessClaims) -> AccountStatus | None:
        try:
            return await self._get_cached_status(claims)
        except Unavailable:  # the cache server is away: readers must not notice, so everyone is looked up
            return await self._read_status(claims)

    async def _read_status(self, claims: AccessClaims) -> AccountStatus | None:
        return await asyncio.to_thread(self._stores.sessions.find_status, claims.session, claims.user_id)

    async def _get_cached_status(self, claims: AccessClaims) -> AccountStatus | None:
        generation = await self._generations.get_current(f"standing:{claims.user_id}")
        key = f"standing:{claims.user_id}:{generation}:{claims.session}"
        kept = await self._cache.get(key)
        if kept is None:
            found = await self._read_status(claims)
            kept = _NO_STATUS if found is None else f"{found.role} {found.plan}".encode()
            await self._cache.set(key, kept, ttl=_CACHE_SECONDS)
        if kept == _NO_STATUS:
            return None
        role, _, plan = kept.decode().partition(" ")
        return AccountStatus(Role(role), plan)
