"""Who sends a request, and with which credentials."""

from dataclasses import dataclass

from bookcore.kit.auth import Role
from gateway.accounts.quota import Quota


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a living session; the role is today's, not that of the token.

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
    """What a request shows: its Authorization and X-API-Key headers, and where it comes from."""

    authorization: str | None
    address: str
    api_key: str | None = None
