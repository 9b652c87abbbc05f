"""Logging in: limits, password, second factor, holds; then a session, and the network is known."""

import asyncio
from dataclasses import dataclass

from bookcore.domain.errors import Invalid
from bookcore.kit.auth import Role
from bookcore.kit.problem import ProblemError
from gateway.accounts import Account, SessionOrigin
from gateway.accounts.credentials import NO_PASSWORD, Hold
from gateway.accounts.quota import Quota
from gateway.accounts.sessions import Session
from gateway.accounts.stores import AccountStores
from gateway.auth.access_tokens import build_unauthorized
from gateway.auth.account_mail import AccountMail
from gateway.auth.authenticator import Authenticator
from gateway.auth.login_limits import LoginLimits
from gateway.auth.passwords import PasswordHasher

_CODES = Quota("login-code", 20, 3_600.0)
"""Codes that may be tried for an account: seven of a million are right at a time."""


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """What somebody shows; `code` is that of the second factor, or a recovery code."""

    email: str
    password: str
    code: str | None


class _SecondFactorMissing(ProblemError):
    """Not a failure yet: the client asks its user for the code and comes again."""


class LoginFlow:
    """The one way to a session, whatever proves who it is."""

    def __init__(
        self,
        stores: AccountStores,
        *,
        passwords: PasswordHasher,
        limits: LoginLimits,
        authenticator: Authenticator,
        mail: AccountMail,
    ) -> None:
        self._stores = stores
        self._passwords = passwords
        self._limits = limits
        self._authenticator = authenticator
        self._mail = mail

    async def log_in(self, given: PasswordLogin, address: str, origin: SessionOrigin) -> tuple[Session, Role]:
        """A session and the user's role. Raises: ProblemError, the same for a wrong address and password."""
        account = await asyncio.to_thread(self._stores.users.find_by_email, given.email)
        attempt = await self._limits.admit(given.email, account, address)
        try:
            known = await self._check_password(account, given.password)
            await self._check_code(known, given.code)
            await self._check_holds(known)
        except _SecondFactorMissing:
            raise
        except ProblemError:
            self._limits.record_failure(attempt)
            raise
        return await self.begin_session(known, origin)

    async def sign_in(self, token: str, code: str | None, origin: SessionOrigin) -> tuple[Session, Role]:
        """A session for the secret that the callback of the provider gave.

        Raises: Invalid for a secret that was used or is late, ProblemError.
        """
        credentials = self._stores.credentials
        user_id = await asyncio.to_thread(credentials.find_sign_in, token)
        account = await asyncio.to_thread(self._stores.users.get_user, user_id)
        _check_enabled(account)
        await self._check_code(account, code)
        await asyncio.to_thread(credentials.use_sign_in, token)
        return await self.begin_session(account, origin)

    async def begin_session(self, account: Account, origin: SessionOrigin) -> tuple[Session, Role]:
        """A session of somebody who has proved who it is."""
        session = await asyncio.to_thread(self._stores.sessions.create_session, account.id, origin)
        await asyncio.to_thread(self._stores.networks.remember, account.id, origin.network)
        return session, account.role

    async def confirm_password(self, user_id: str, password: str, *, address: str, field: str) -> Account:
        """Ask for the password again before a change that it protects; counts as a login.

        Raises: Invalid naming the field, ProblemError(too-many-requests).
        """
        account = await asyncio.to_thread(self._stores.users.get_user, user_id)
        if account.password_hash == NO_PASSWORD:
            if password:
                raise Invalid("must be empty: the account has no password", field=field)
            return account
        attempt = await self._limits.admit(account.email, account, address)
        if not await self._passwords.verify(account.password_hash, password):
            self._limits.record_failure(attempt)
            raise Invalid("is not the password of this account", field=field)
        return account

    async def count_code(self, user_id: str) -> None:
        """Count a code that is tried. Raises: ProblemError(too-many-requests)."""
        await self._authenticator.count_request(_CODES, user_id)

    async def confirm_code(self, user_id: str, code: str) -> None:
        """Ask for the second factor again. Raises: Invalid, ProblemError(too-many-requests)."""
        await self.count_code(user_id)
        if not await asyncio.to_thread(self._stores.second_factors.use_code, user_id, code):
            raise Invalid("is wrong or was used; wait for the next one", field="code")

    async def _check_password(self, account: Account | None, password: str) -> Account:
        stored = account.password_hash if account and account.password_hash != NO_PASSWORD else None
        is_right = await self._passwords.verify(stored, password)
        if account is None or not is_right:
            raise build_unauthorized("wrong e-mail address or password", is_token_bad=False)
        _check_enabled(account)
        return account

    async def _check_code(self, account: Account, code: str | None) -> None:
        if not await asyncio.to_thread(self._stores.second_factors.is_active, account.id):
            return
        if not code:
            raise _SecondFactorMissing(
                "second-factor-required",
                "send the code of your authenticator app as `code`, or a recovery code",
            )
        await self.count_code(account.id)
        if not await asyncio.to_thread(self._stores.second_factors.use_code, account.id, code):
            raise ProblemError(
                "second-factor-required", "the code is wrong or was used; wait for the next one"
            )

    async def _check_holds(self, account: Account) -> None:
        holds = await asyncio.to_thread(self._stores.credentials.list_holds, account.id)
        if Hold.RESET in holds:
            raise ProblemError(
                "forbidden", "an administrator asked for a new password; open a reset link to choose one"
            )
        if Hold.UNCONFIRMED in holds:
            if await self._limits.count_mail("confirm", account.email):
                self._mail.send_confirmation(account)
            raise ProblemError(
                "forbidden", "confirm your e-mail address first; the link was sent to you again"
            )


def _check_enabled(account: Account) -> None:
    if account.is_disabled:
        raise ProblemError("forbidden", "this account is disabled; ask an administrator")
