"""Limits of logins: nobody guesses without end, and nobody keeps the owner of an account out.

Attempts count per account and network; all networks that an account doesn't know share a slower quota of it.
At a network that the account has logged in from, its owner has a reserve that nobody elsewhere can use up:
when a quota is exhausted, wrong passwords are refused as too many, while the right one still gets in.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bookcore.kit.problem import ProblemError
from gateway.accounts import Account
from gateway.accounts.known_networks import KnownNetworks
from gateway.accounts.login_failures import EVERYBODY, LoginFailureKind, LoginFailures
from gateway.accounts.quota import Quota
from gateway.auth.authenticator import Authenticator

_MAILS = Quota("account-mail", 3, 3_600.0)
"""Links of one kind mailed to one address. They stay valid for as long, so whoever asks again has one."""


@dataclass(frozen=True, slots=True)
class LoginQuotas:
    """Of a network, of an account from one network, of an account from all that it doesn't know together, of
    everybody; and the reserve of owners in known networks, by account, by network and in all."""

    address: Quota
    email: Quota
    elsewhere: Quota
    everyone: Quota
    known_email: Quota
    known_address: Quota
    known_everyone: Quota


class LoginAttempt:
    """A login that may be tried; `refusal`: the answer to a wrong password, None for the ordinary one."""

    def __init__(self, email: str, address: str, refusal: ProblemError | None = None) -> None:
        self.email = email
        self.address = address
        self.refusal = refusal


class LoginLimits:
    """Counts in the shared cache and records what is refused; fails closed while the cache is away."""

    def __init__(
        self,
        authenticator: Authenticator,
        networks: KnownNetworks,
        failures: LoginFailures,
        *,
        quotas: LoginQuotas,
    ) -> None:
        self._authenticator = authenticator
        self._networks = networks
        self._failures = failures
        self._quotas = quotas

    async def count_address(self, address: str) -> None:
        """Count against the client's network. Raises: ProblemError(too-many-requests)."""
        with self._record_refusal(LoginFailureKind.REFUSED, address, address):
            await self._count(self._quotas.address, self._authenticator.find_network(address))

    async def count_everyone(self, address: str) -> None:
        """Count against the quota of all. Raises: ProblemError(too-many-requests)."""
        with self._record_refusal(LoginFailureKind.REFUSED, EVERYBODY, address):
            await self._count(self._quotas.everyone, "")

    async def count_mail(self, kind: str, email: str) -> bool:
        """Count a mail that a stranger can cause; False when the address has had enough of that kind."""
        try:
            await self._count(_MAILS, f"{kind} {email}")
        except ProblemError:
            return False
        return True

    async def admit(self, email: str, account: Account | None, address: str) -> LoginAttempt:
        """Count an attempt before the password is looked at. Raises: ProblemError(too-many-requests)."""
        network = self._authenticator.find_network(address)
        if account is not None and await asyncio.to_thread(self._networks.contains, account.id, network):
            return await self._admit_known(email, address)
        await self.count_address(address)
        with self._record_refusal(LoginFailureKind.LOCKED, email, address):
            await self._count(self._quotas.email, f"{email} {network}")
            await self._count(self._quotas.elsewhere, email)
        await self.count_everyone(address)
        return LoginAttempt(email, address)

    def record_failure(self, attempt: LoginAttempt) -> None:
        """A wrong password. Raises: the refusal of an attempt that was one too many."""
        kind = LoginFailureKind.FAILED if attempt.refusal is None else LoginFailureKind.LOCKED
        self._failures.record(kind, attempt.email, address=attempt.address)
        if attempt.refusal is not None:
            raise attempt.refusal

    async def _admit_known(self, email: str, address: str) -> LoginAttempt:
        network, quotas = self._authenticator.find_network(address), self._quotas
        attempt = LoginAttempt(email, address)
        shared = ((quotas.address, network), (quotas.everyone, ""), (quotas.email, f"{email} {network}"))
        for quota, subject in shared:
            try:
                await self._count(quota, subject)
            except ProblemError as refusal:
                attempt.refusal = refusal
        if attempt.refusal is not None:
            with self._record_refusal(LoginFailureKind.LOCKED, email, address):
                await self._count(quotas.known_email, email)
                await self._count(quotas.known_address, network)
                await self._count(quotas.known_everyone, "")
        return attempt

    async def _count(self, quota: Quota, subject: str) -> None:
        await self._authenticator.count_request(quota, subject)

    @contextmanager
    def _record_refusal(self, kind: LoginFailureKind, subject: str, address: str) -> Iterator[None]:
        try:
            yield
        except ProblemError:
            self._failures.record(kind, subject, address=address)
            raise
