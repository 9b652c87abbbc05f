"""Accounts and their sessions in a SQL database; the only room of the gateway that speaks SQLAlchemy.

Everything here blocks: call it from a thread. Times are whole seconds since 1970.
"""

from dataclasses import dataclass

from bookcore.kit.auth import Role

FREE_PLAN = "free"


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """Current role and plan of a user, which may differ from those at the issue of a token."""

    role: Role
    plan: str
    has_second_factor: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A stored user."""

    id: str
    email: str
    password_hash: str
    role: Role
    is_disabled: bool
    created_at: int
    plan: str = FREE_PLAN


@dataclass(frozen=True, slots=True)
class AccountChange:
    """Changes by an administrator; None keeps a value."""

    role: Role | None = None
    is_disabled: bool | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class SessionOrigin:
    """Where a session is used: the device in words, and the network of the client's address."""

    device: str = ""
    network: str = ""
