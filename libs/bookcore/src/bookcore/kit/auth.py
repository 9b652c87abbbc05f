"""The identity of the caller: the gateway sends it to the services in a short-lived signed token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import jwt
from fastapi import Request, Security, params
from fastapi.security import APIKeyHeader, SecurityScopes

from bookcore.kit.clock import Clock, SystemClock, make_steady_clock
from bookcore.kit.problem import ProblemError

HEADER = "X-Internal-Token"
_ALGORITHM = "HS256"
_AUDIENCE = "bookstream-services"
_ISSUER = "bookstream-gateway"
_TYPE = "internal+jwt"
_LIFE = 60
_LONGEST = 4_096
_MOST_KNOWN = 10_000


class Role(StrEnum):
    """Readers read, editors also write books, admins also manage users."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


class Scope(StrEnum):
    """A permission; each route of each service requires exactly one."""

    BOOKS_READ = "books:read"
    BOOKS_WRITE = "books:write"
    SEARCH = "search"
    ML = "ml"
    ANALYTICS = "analytics"
    ADMIN = "admin"


_READING = frozenset({Scope.BOOKS_READ, Scope.SEARCH, Scope.ML, Scope.ANALYTICS})
DEFAULT_SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.READER: _READING,
    Role.EDITOR: _READING | {Scope.BOOKS_WRITE},
    Role.ADMIN: frozenset(Scope),
}
"""All that a role allows. An API key may have fewer, never more."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a request and the scopes that it has."""

    user_id: str
    role: Role
    scopes: frozenset[str]


class InternalTokens:
    """Signs and verifies the internal token (HS256, one minute); gateway and services share the secret.

    The gateway sends one token many times: a verified token is cached until it expires. A wall clock that was
    stepped back signs tokens that a service with another clock accepts all the same.
    """

    def __init__(self, secret: str, *, clock: Clock | None = None) -> None:
        self._secret = secret
        self._clock = clock or SystemClock()
        self._steady = make_steady_clock(self._clock)
        self._good: dict[str, tuple[Identity, float]] = {}

    def sign(self, identity: Identity) -> str:
        """A token valid for one minute."""
        now = max(self._clock.now().timestamp(), self._steady())
        claims = {
            "iss": _ISSUER,
            "sub": identity.user_id,
            "role": identity.role.value,
            "scope": " ".join(sorted(identity.scopes)),
            "aud": _AUDIENCE,
            "exp": int(now) + _LIFE,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM, headers={"typ": _TYPE})

    def verify(self, token: str) -> Identity:
        """Raises: ProblemError(unauthorized) unless the token is valid and unexpired."""
        known = self.get_cached(token)
        if known is not None:
            return known
        who, expires_at = self._decode(token)
        if len(self._good) >= _MOST_KNOWN:
            self._good.clear()
        left = min(expires_at - self._clock.now().timestamp(), _LIFE)
        self._good[token] = who, self._clock.monotonic() + left
        return who

    def get_cached(self, token: str) -> Identity | None:
        """The identity of a token that was verified before and has not expired."""
        who, until = self._good.get(token, (None, 0.0))
        return who if self._clock.monotonic() < until else None

    def _decode(self, token: str) -> tuple[Identity, float]:
        try:
            if len(token) > _LONGEST or jwt.get_unverified_header(token).get("typ") != _TYPE:
                raise ValueError("no internal token")
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
            who = Identity(claims["sub"], Role(claims["role"]), frozenset(claims["scope"].split()))
            return who, float(claims["exp"])
        except (jwt.InvalidTokenError, KeyError, ValueError, AttributeError, RecursionError) as error:
            raise ProblemError("unauthorized", "services accept requests from the gateway only") from error


_header = APIKeyHeader(
    name=HEADER,
    scheme_name="gateway",
    auto_error=False,
    description="Set by the gateway only; it removes the header that a client sends",
)


async def _authorize_request(
    request: Request, needed: SecurityScopes, token: Annotated[str | None, Security(_header)]
) -> Identity:
    return authorize(request.app.state.internal_tokens, token, needed.scopes)


def authorize(tokens: InternalTokens, token: str | None, scopes: Sequence[str]) -> Identity:
    """The token's identity. Raises: ProblemError, unauthorized without a valid token, forbidden without a
    scope.
    """
    who = tokens.verify(token or "")
    missing = [scope for scope in scopes if scope not in who.scopes]
    if missing:
        raise ProblemError("forbidden", f"requires the scope {missing[0]}")
    return who


def require_scope(scope: Scope) -> params.Security:
    """A FastAPI dependency that returns the Identity; 401 without the gateway's token, 403 without the scope.

    Needs `app.state.internal_tokens`. The scope also appears in the OpenAPI document.
    """
    dependency: params.Security = Security(_authorize_request, scopes=[scope.value])
    return dependency
