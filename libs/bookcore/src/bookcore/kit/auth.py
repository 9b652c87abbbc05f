"""Who asks: the gateway tells the services by a short-lived signed token that no outsider can make."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import jwt
from fastapi import Depends, Request

from bookcore.kit.clock import Clock, SystemClock
from bookcore.kit.problem import ProblemError

HEADER = "X-Internal-Token"
_ALGORITHM = "HS256"
_AUDIENCE = "bookstream-services"
_LIFE = timedelta(seconds=60)


class Role(StrEnum):
    """What a user may do: readers read, admins also write books and manage users."""

    READER = "reader"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """The user on whose behalf a request is made."""

    user_id: str
    role: Role


class InternalTokens:
    """Signs and checks the internal token (HS256, one minute); gateway and services share the secret."""

    def __init__(self, secret: str, *, clock: Clock | None = None) -> None:
        self._secret = secret
        self._clock = clock or SystemClock()

    def sign(self, identity: Identity) -> str:
        """A token for one request."""
        claims = {
            "sub": identity.user_id,
            "role": identity.role.value,
            "aud": _AUDIENCE,
            "exp": self._clock.now() + _LIFE,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def verify(self, token: str) -> Identity:
        """Raises: ProblemError(unauthorized) for anything but a living token of ours."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["exp", "sub", "aud"]},
            )
            return Identity(claims["sub"], Role(claims["role"]))
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            raise ProblemError(
                "unauthorized", "services answer only requests that come by the gateway"
            ) from error


def identity(request: Request) -> Identity:
    """FastAPI dependency: who asks. Needs `app.state.internal_tokens`."""
    tokens: InternalTokens = request.app.state.internal_tokens
    return tokens.verify(request.headers.get(HEADER, ""))


def admin(who: Annotated[Identity, Depends(identity)]) -> Identity:
    """FastAPI dependency: who asks, refused unless an admin."""
    if who.role is not Role.ADMIN:
        raise ProblemError("forbidden", "this needs the role admin")
    return who
