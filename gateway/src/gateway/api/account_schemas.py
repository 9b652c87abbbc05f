"""Request and response models of one's own account: password, sessions, second factor, sign-in."""

from typing import Annotated, Self

from pydantic import Field

from bookcore.kit.openapi import NextCursor
from gateway.accounts.sessions import SessionDetails
from gateway.api.schemas import Email, Moment, Password, WireModel, to_datetime

_TOKEN = "3mV8…43 characters"  # noqa: S105 - an example
_AN_ID = "5f2b8c0e9a7d4c31b6f0e2d1a4c3b2a1"
GivenPassword = Annotated[str, Field(max_length=1_000, examples=["twelve characters or more"])]
LinkToken = Annotated[str, Field(max_length=200, examples=[_TOKEN])]
Code = Annotated[str, Field(max_length=40, examples=["123456"])]


class PasswordChange(WireModel):
    """The password of today, empty for an account without one, and the new one."""

    old_password: GivenPassword
    new_password: Password


class ResetRequest(WireModel):
    """The address of the account."""

    email: Email


class PasswordReset(WireModel):
    """The secret of the link, and the new password."""

    token: LinkToken
    new_password: Password


class EmailConfirmation(WireModel):
    """The secret of the link."""

    token: LinkToken


class ProviderSignIn(WireModel):
    """The secret that came back with the browser; `code`: that of the second factor, if there is one."""

    token: LinkToken
    code: Code | None = None


class LoginMethods(WireModel):
    """What the login page offers."""

    provider: Annotated[bool, Field(examples=[False])]
    password_reset: Annotated[bool, Field(examples=[True])]


class SessionOut(WireModel):
    """A session: device in words, network of the address, newest login or refresh. `current`: this one."""

    id: Annotated[str, Field(examples=[_AN_ID])]
    device: Annotated[str, Field(examples=["Firefox on Linux"])]
    network: Annotated[str, Field(examples=["2001:db8:1:2::/64"])]
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    current: Annotated[bool, Field(examples=[True])]

    @classmethod
    def from_details(cls, details: SessionDetails, *, current: str) -> Self:
        return cls(
            id=details.id,
            device=details.origin.device,
            network=details.origin.network,
            created_at=to_datetime(details.created_at),
            last_used_at=to_datetime(details.last_used_at),
            expires_at=to_datetime(details.expires_at),
            current=details.id == current,
        )


class SessionsOut(WireModel):
    """Your sessions, the newest used first."""

    items: tuple[SessionOut, ...]
    next: NextCursor


class AccountDeletion(WireModel):
    """Your address, so that it is meant, and your password; empty for an account without one."""

    email: Email
    password: GivenPassword


class PasswordProof(WireModel):
    """Your password; empty for an account without one."""

    password: GivenPassword


class CodeProof(WireModel):
    """A code of the authenticator app, or a recovery code."""

    code: Code


class SecondFactorState(WireModel):
    """Whether logins need a code, and whether your role requires it."""

    active: Annotated[bool, Field(examples=[True])]
    required: Annotated[bool, Field(examples=[False])]


class NewSecondFactorOut(WireModel):
    """For the app: type `secret`, or open `uri`. Shown once; confirm it by a code."""

    secret: Annotated[str, Field(examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])]
    uri: Annotated[str, Field(examples=["otpauth://totp/Bookstream:you%40example.org?secret=JBSW…"])]


class RecoveryCodes(WireModel):
    """Ten codes that replace the app once each. Shown once; keep them on paper."""

    recovery_codes: Annotated[tuple[str, ...], Field(examples=[["abcd-efgh-jkmn-pqrs-tuvw-xyz2"]])]


class ForcedReset(WireModel):
    """Whether the link was mailed; without a mail server `bookstream user reset` prints one."""

    mailed: Annotated[bool, Field(examples=[True])]
