"""Request and response models of the gateway's endpoints: accounts."""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bookcore.kit.auth import Role, Scope
from bookcore.kit.openapi import NextCursor, deprecate
from gateway.accounts import Account
from gateway.ratelimit.plans import PLANS

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_AN_ID = "5f2b8c0e9a7d4c31b6f0e2d1a4c3b2a1"


def normalize_email(text: str) -> str:
    """Canonical form of an address. Raises: ValueError for an invalid or international one."""
    stripped = text.strip()
    if len(stripped) > 254 or not _EMAIL.fullmatch(stripped):
        raise ValueError("must be an e-mail address such as you@example.org")
    return stripped.lower()


def check_plan(name: str) -> str:
    """Raises: ValueError when there is no such plan."""
    if name not in PLANS:
        raise ValueError(f"must be one of the plans {', '.join(PLANS)}")
    return name


Email = Annotated[
    str,
    Field(max_length=254, pattern=rf"^\s*{_EMAIL.pattern}\s*$", examples=["you@example.org"]),
    AfterValidator(normalize_email),
]
Password = Annotated[str, Field(min_length=12, max_length=128, examples=["twelve characters or more"])]
UserId = Annotated[str, Field(examples=[_AN_ID])]
Moment = Annotated[datetime, Field(examples=["2026-03-01T12:00:00Z"])]
PlanName = Annotated[
    str, Field(json_schema_extra={"enum": list(PLANS)}, examples=["plus"]), AfterValidator(check_plan)
]
Scopes = Annotated[tuple[Scope, ...], Field(examples=[[Scope.BOOKS_READ, Scope.SEARCH]])]


class WireModel(BaseModel):
    """Base of all models: frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewAccount(WireModel):
    """A registration; the password is 12 to 128 characters of any kind, and none that is tried first."""

    email: Email
    password: Password


class Login(WireModel):
    """An e-mail address and its password; `code`: that of the second factor, if the account has one."""

    email: Email
    password: Annotated[str, Field(max_length=1_000, examples=["twelve characters or more"])]
    code: Annotated[str | None, Field(max_length=40, examples=["123456"])] = None


class Refresh(WireModel):
    """The newest refresh token of the session; it is invalid afterwards."""

    refresh_token: Annotated[str, Field(max_length=1_000, examples=["3mV8…43 characters"])]


class Tokens(WireModel):
    """`expires_in`: lifetime of the access token in seconds."""

    access_token: Annotated[str, Field(examples=["eyJhbGciOiJFZERTQSIs…"])]
    refresh_token: Annotated[str, Field(examples=["3mV8…43 characters"])]
    token_type: str = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: Annotated[int, Field(examples=[600])]


class User(WireModel):
    """An account without its secrets."""

    id: UserId
    email: Annotated[str, Field(examples=["you@example.org"])]
    role: Annotated[Role, Field(examples=["reader"])]
    plan: Annotated[str, Field(examples=["free"])]
    disabled: Annotated[bool, Field(examples=[False])]
    created_at: Moment

    @classmethod
    def from_account(cls, account: Account) -> Self:
        """The public side of an account."""
        return cls(**build_user_fields(account))


class Me(User):
    """Your account; `scopes`: those of the credentials, `key_id`: the API key, if one was used."""

    scopes: Scopes
    key_id: Annotated[str | None, Field(examples=[None])]


class UserChange(WireModel):
    """Changes by an administrator; left-out fields stay unchanged."""

    role: Annotated[Role | None, Field(examples=["editor"])] = None
    disabled: Annotated[bool | None, Field(strict=True, examples=[False])] = None
    plan: PlanName | None = None


class UserPage(WireModel):
    """Users by creation, oldest first."""

    items: tuple[User, ...]
    next: NextCursor
    users: Annotated[tuple[User, ...], deprecate("items")]
    next_cursor: Annotated[str | None, deprecate("next")]


def to_datetime(seconds: int) -> datetime:
    """Aware UTC time of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def build_user_fields(account: Account) -> dict[str, object]:
    """Fields of User from an account."""
    return {
        "id": account.id,
        "email": account.email,
        "role": account.role,
        "plan": account.plan,
        "disabled": account.is_disabled,
        "created_at": to_datetime(account.created_at),
    }
