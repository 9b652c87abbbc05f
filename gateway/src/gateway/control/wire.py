"""Requests and answers of the gateway's own endpoints."""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bookcore.kit.auth import Role
from gateway.control.accounts import Account

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def normal_email(text: str) -> str:
    """One spelling per address. Raises: ValueError when it is none; international ones are not taken."""
    stripped = text.strip()
    if len(stripped) > 254 or not _EMAIL.fullmatch(stripped):
        raise ValueError("this is no e-mail address such as you@example.org")
    return stripped.lower()


Email = Annotated[str, Field(max_length=300), AfterValidator(normal_email)]
Password = Annotated[str, Field(min_length=12, max_length=128)]


class Wire(BaseModel):
    """Immutable; what isn't named here is refused rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewAccount(Wire):
    """A registration; the password is 12 to 128 characters of any kind."""

    email: Email
    password: Password


class Login(Wire):
    """An e-mail address and its password."""

    email: Email
    password: Annotated[str, Field(max_length=1_000)]


class Refresh(Wire):
    """The newest refresh token of the session; it is void afterwards."""

    refresh_token: Annotated[str, Field(max_length=1_000)]


class Tokens(Wire):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int


class User(Wire):
    """An account without its secrets."""

    id: str
    email: str
    role: Role
    disabled: bool
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> Self:
        """The public side of an account."""
        return cls(
            id=account.id,
            email=account.email,
            role=account.role,
            disabled=account.is_disabled,
            created_at=datetime.fromtimestamp(account.created_at, UTC),
        )


class UserChange(Wire):
    """What an administrator changes; left out means left as it is."""

    role: Role | None = None
    disabled: bool | None = None


class UserPage(Wire):
    """Users by creation; `next_cursor` is null on the last page."""

    users: tuple[User, ...]
    next_cursor: str | None
