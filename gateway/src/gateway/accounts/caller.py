"""Callers and credentials."""

from dataclasses import dataclass

from bookcore.kit.auth import Role
from gateway.accounts.quota import Quota


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a valid session or key; the role is the current one, not that of the token.

    `expires_at` (seconds since 1970) is the token's end; `key_id` names the API key, if it was one. `quota`
    is that of the user's plan, shared by all sessions and keys of the user.
    """

    user_id: str
    role: Role
    session: str
    scopes: frozenset[str]
    quota: Quota
    key_id: str | None
    expires_at: float


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of a request: Authorization and X-API-Key headers and the client address."""

    authorization: str | None
    address: str
    api_key: str | None = None
