"""Who asks, and whether they may ask once more: one door for both planes.

A token is checked by signature, then by its session in the accounts database; that answer is kept for a few
seconds. What this gateway itself changes counts at once, what another one changes after those seconds.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bookcore.cache import Cache
from bookcore.kit.auth import Role
from bookcore.kit.problem import ProblemError
from gateway.cache.generations import Generations
from gateway.cache.limiter import Limiter
from gateway.control.accounts.sessions import Sessions
from gateway.control.tokens import AccessClaims, AccessTokens, unauthorized
from gateway.core.gcra import Quota, rate_headers

_KEPT_SECONDS = 5.0
_NOBODY = b"-"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a living session; the role is today's, not that of the token.

    `expires_at` (seconds since 1970) is the token's end; `key_id` names the API key, if it was one.
    """

    user_id: str
    role: Role
    session: str
    scopes: frozenset[str]
    quota: Quota
    key_id: str | None
    expires_at: float


@dataclass(frozen=True, slots=True)
class Quotas:
    """How often one may ask: as a user, from an address without a token, and to log in."""

    user: Quota
    anonymous: Quota
    login_address: Quota
    login_email: Quota


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows: its Authorization header, where it comes from."""

    authorization: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Admission:
    """A caller let in, with the rate headers for the answer."""

    caller: Caller
    headers: dict[str, str]


class Access:
    """Authentication and quotas over the cache port and the sessions."""

    def __init__(self, tokens: AccessTokens, sessions: Sessions, cache: Cache, *, quotas: Quotas) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._cache = cache
        self._generations = Generations(cache)
        self._limiter = Limiter(cache)
        self.quotas = quotas
        self._watchers: list[Callable[[str], None]] = []

    def on_standing_changed(self, callback: Callable[[str], None]) -> None:
        """Call it with the id of every user whose role or sessions change here."""
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
        headers = rate_headers(quota, verdict)
        if not verdict.allowed:
            detail = f"the quota is {quota.requests} in {quota.window:g} s; wait {headers['Retry-After']} s"
            raise ProblemError("too-many-requests", detail, headers=headers)
        return headers

    async def forget(self, user_id: str) -> None:
        """The user's role or sessions changed: look again at the next request."""
        await self._generations.advance(f"standing:{user_id}")
        for watcher in self._watchers:
            watcher(user_id)
        # commands are answered in order: once this one is, those of the watchers have been carried out
        await self._generations.current(f"standing:{user_id}")

    async def identify(self, credentials: Credentials) -> Caller:
        """Who asks, counted against nobody. Raises: ProblemError(unauthorized)."""
        authorization = credentials.authorization
        scheme, _, token = (authorization or "").partition(" ")
        if not authorization:
            raise unauthorized("send `Authorization: Bearer <access token>`", is_token_bad=False)
        if scheme.lower() != "bearer":
            raise unauthorized("only the scheme Bearer is known here")
        claims = self._tokens.check(token.strip())
        role = await self._role(claims)
        if role is None:
            raise unauthorized("the session has ended; log in again")
        return Caller(
            claims.user_id,
            role,
            claims.session,
            scopes=frozenset(),
            quota=self.quotas.user,
            key_id=None,
            expires_at=float(claims.expires_at),
        )

    async def _role(self, claims: AccessClaims) -> Role | None:
        generation = await self._generations.current(f"standing:{claims.user_id}")
        key = f"standing:{claims.user_id}:{generation}:{claims.session}"
        kept = await self._cache.get(key)
        if kept is None:
            role = await asyncio.to_thread(self._sessions.role_in, claims.session, claims.user_id)
            kept = _NOBODY if role is None else role.value.encode()
            await self._cache.set(key, kept, ttl=_KEPT_SECONDS)
        return None if kept == _NOBODY else Role(kept.decode())
