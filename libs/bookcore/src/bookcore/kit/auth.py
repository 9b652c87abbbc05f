"""Who asks: the gateway tells the services by a short-lived signed token that no outsider can make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import jwt
from fastapi import Request, Security, params
from fastapi.security import APIKeyHeader, SecurityScopes

from bookcore.kit.clock import Clock, SystemClock
from bookcore.kit.problem import ProblemError

HEADER = "X-Internal-Token"
_ALGORITHM = "HS256"
_AUDIENCE = "bookstream-services"
_ISSUER = "bookstream-gateway"
_TYPE = "internal+jwt"
_LIFE = timedelta(seconds=60)
_LONGEST = 4_096
_MOST_KNOWN = 10_000


class Role(StrEnum):
    """What a user is: readers read, editors also write books, admins also manage users."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a request may touch; each route of each service asks for exactly one."""

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
    """The user on whose behalf a request is made, and what it may touch."""

    user_id: str
    role: Role
    scopes: frozenset[str]


class InternalTokens:
    """Signs and checks the internal token (HS256, one minute); gateway and services share the secret.

    The gateway shows one token many times: whose signature was good is known until it expires.
    """

    def __init__(self, secret: str, *, clock: Clock | None = None) -> None:
        self._secret = secret
        self._clock = clock or SystemClock()
        self._good: dict[str, tuple[Identity, float]] = {}

    def sign(self, identity: Identity) -> str:
        """A token for the requests of one minute."""
        claims = {
            "iss": _ISSUER,
            "sub": identity.user_id,
            "role": identity.role.value,
            "scope": " ".join(sorted(identity.scopes)),
            "aud": _AUDIENCE,
            "exp": self._clock.now() + _LIFE,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM, headers={"typ": _TYPE})

    def verify(self, token: str) -> Identity:
        """Raises: ProblemError(unauthorized) for anything but a living token of ours."""
        known = self.get_cached(token)
        if known is not None:
            return known
        who, until = self._decode(token)
        if len(self._good) >= _MOST_KNOWN:
            self._good.clear()
        self._good[token] = who, until
        return who

    def get_cached(self, token: str) -> Identity | None:
        """Whose it is, if its signature was good before and it hasn't expired since."""
        who, until = self._good.get(token, (None, 0.0))
        return who if self._clock.now().timestamp() < until else None

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
            raise ProblemError(
                "unauthorized", "services answer only requests that come by the gateway"
            ) from error


_header = APIKeyHeader(
    name=HEADER,
    scheme_name="gateway",
    auto_error=False,
    description="Set by the gateway alone, which takes the client's own away",
)


async def _authorize_request(
    request: Request, needed: SecurityScopes, token: Annotated[str | None, Security(_header)]
) -> Identity:
    return authorize(request.app.state.internal_tokens, token, needed.scopes)


def authorize(tokens: InternalTokens, token: str | None, scopes: Sequence[str]) -> Identity:
    """Whose token it is. Raises: ProblemError, unauthorized without a good one, forbidden without a scope."""
    who = tokens.verify(token or "")
    missing = [scope for scope in scopes if scope not in who.scopes]
    if missing:
        raise ProblemError("forbidden", f"this needs the scope {missing[0]}")
    return who


def require_scope(scope: Scope) -> params.Security:
    """A FastAPI dependency that gives the Identity; 401 without the gateway's token, 403 without the scope.

    Needs `app.state.internal_tokens`. The scope stands in the OpenAPI document, too.
    """
    dependency: params.Security = Security(_authorize_request, scopes=[scope.value])
    return dependency
