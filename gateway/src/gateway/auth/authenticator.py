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
from gateway.accounts import Standing
from gateway.accounts.api_keys import KEY_MARK
from gateway.accounts.caller import Caller, Credentials
from gateway.accounts.quota import Quota
from gateway.accounts.stores import Stores
from gateway.auth.access_tokens import AccessClaims, AccessTokens, unauthorized
from gateway.auth.generations import Generations
from gateway.ratelimit.gcra import build_rate_headers
from gateway.ratelimit.limiter import RateLimiter
from gateway.ratelimit.plans import build_quota

_KEPT_SECONDS = 5.0
_NOBODY = b"-"
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
class Admission:
    """A caller let in, with the rate headers for the answer."""

    caller: Caller
    headers: dict[str, str]


class Access:
    """Authentication and quotas over the cache port and the sessions."""

    def __init__(self, tokens: AccessTokens, stores: Stores, cache: Cache, *, quotas: Quotas) -> None:
        self._tokens = tokens
        self._stores = stores
        self._cache = cache
        self._generations = Generations(cache)
        self._limiter = RateLimiter(cache)
        self.quotas = quotas
        self._watchers: list[Callable[[str], None]] = []

    def on_standing_changed(self, callback: Callable[[str], None]) -> None:
        """Call it with the id of every user whose role, plan, sessions or keys change here."""
        self._watchers.append(callback)

    async def admit(self, credentials: Credentials) -> Admission:
        """Counts against the user or, without a good token, against the network address.

        Raises: ProblemError, unauthorized or too-many-requests.
        """
        try:
            caller = await self.identify(credentials)
        except ProblemError:
            await self.count(self.quotas.anonymous, credentials.address)
            raise
        return Admission(caller, await self.count(caller.quota, caller.user_id))

    async def count(self, quota: Quota, subject: str) -> dict[str, str]:
        """Count one request; the rate headers. Raises: ProblemError(too-many-requests)."""
        verdict = await self._limiter.take(quota, subject)
        headers = build_rate_headers(quota, verdict)
        if not verdict.allowed:
            detail = f"the quota is {quota.requests} in {quota.window:g} s; wait {headers['Retry-After']} s"
            raise ProblemError("too-many-requests", detail, headers=headers)
        return headers

    async def forget(self, user_id: str) -> None:
        """The user's role, plan, sessions or keys changed: look again at the next request."""
        await self._generations.advance(f"standing:{user_id}")
        for watcher in self._watchers:
            watcher(user_id)
        # commands are answered in order: once this one is, those of the watchers have been carried out
        await self._generations.current(f"standing:{user_id}")

    async def identify(self, credentials: Credentials) -> Caller:
        """Who asks, by access token or API key; counted against nobody.

        Raises: ProblemError(unauthorized).
        """
        scheme, _, token = (credentials.authorization or "").partition(" ")
        token = token.strip()
        if credentials.api_key is not None:
            if credentials.authorization:
                raise unauthorized("send either Authorization or X-API-Key, not both")
            return await self._by_key(credentials.api_key.strip())
        if not credentials.authorization:
            raise unauthorized("send `Authorization: Bearer <access token or API key>`", is_token_bad=False)
        if scheme.lower() != "bearer":
            raise unauthorized("only the scheme Bearer is known here")
        return await (self._by_key(token) if token.startswith(KEY_MARK) else self._by_token(token))

    async def _by_token(self, token: str) -> Caller:
        claims = self._tokens.check(token)
        standing = await self._standing(claims)
        if standing is None:
            raise unauthorized("the session has ended; log in again")
        return Caller(
            user_id=claims.user_id,
            role=standing.role,
            session=claims.session,
            scopes=DEFAULT_SCOPES[standing.role],
            quota=build_quota(standing.plan, self.quotas.user),
            key_id=None,
            expires_at=float(claims.expires_at),
        )

    async def _by_key(self, secret: str) -> Caller:
        # always asked of the database, so that a revoked key is out at once; the data plane remembers callers
        well_formed = _KEY.fullmatch(secret) is not None
        found = await asyncio.to_thread(self._stores.api_keys.find, secret) if well_formed else None
        if found is None:
            raise unauthorized("the API key is unknown, revoked or past its end; make another one")
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

    async def _standing(self, claims: AccessClaims) -> Standing | None:
        try:
            return await self._kept_standing(claims)
        except Unavailable:  # the cache server is away: readers must not notice, so everyone is looked up
            return await self._stored_standing(claims)

    async def _stored_standing(self, claims: AccessClaims) -> Standing | None:
        return await asyncio.to_thread(self._stores.sessions.standing_in, claims.session, claims.user_id)

    async def _kept_standing(self, claims: AccessClaims) -> Standing | None:
        generation = await self._generations.current(f"standing:{claims.user_id}")
        key = f"standing:{claims.user_id}:{generation}:{claims.session}"
        kept = await self._cache.get(key)
        if kept is None:
            found = await self._stored_standing(claims)
            kept = _NOBODY if found is None else f"{found.role} {found.plan}".encode()
            await self._cache.set(key, kept, ttl=_KEPT_SECONDS)
        if kept == _NOBODY:
            return None
        role, _, plan = kept.decode().partition(" ")
        return Standing(Role(role), plan)
