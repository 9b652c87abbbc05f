"""Second factors: an authenticator app, and ten recovery codes for the day it is lost."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from bookcore.domain.errors import Conflict, Invalid, NotFound
from bookcore.kit.clock import Clock
from gateway.accounts import totp
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.database import Database
from gateway.accounts.encryption import SecretCipher
from gateway.accounts.security_tables import recovery_codes, second_factors
from gateway.accounts.sessions import end_sessions

_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that look like another."""
_CODE_LENGTH = 24
_NEVER = 0
_WRONG = "is wrong or was used; wait for the next one, and see that the telephone's clock is right"


@dataclass(frozen=True, slots=True)
class NewSecondFactor:
    """What the app needs; shown once."""

    secret: str
    uri: str


class SecondFactorStore:
    """The app's secret is encrypted; recovery codes have 118 random bits, so SHA-256 suffices."""

    def __init__(self, database: Database, *, clock: Clock, secret: str) -> None:
        self._database = database
        self._clock = clock
        self._cipher = SecretCipher(secret)

    def begin(self, user_id: str, account: str) -> NewSecondFactor:
        """A secret that counts once a code of it was shown. Raises: Conflict when there is a factor."""
        secret = totp.generate_secret()
        if self.is_active(user_id):
            raise Conflict("the account has a second factor; remove it first")
        with self._database.begin_write() as connection:
            connection.execute(delete(second_factors).where(second_factors.c.user_id == user_id))
            row = {"user_id": user_id, "secret": self._cipher.encrypt(secret)}
            connection.execute(insert(second_factors).values(**row, is_active=False, last_step=_NEVER))
        return NewSecondFactor(secret, totp.build_uri(secret, account))

    def activate(self, user_id: str, code: str, *, session: str) -> Sequence[str]:
        """Require the factor from now on; ends all other sessions. Returns the recovery codes.

        Raises: Invalid for a wrong code, Conflict when it is active, NotFound when none was begun.
        """
        with self._database.begin_write() as connection:
            row = connection.execute(
                select(second_factors).where(second_factors.c.user_id == user_id)
            ).first()
            if row is None:
                raise NotFound("no second factor was begun; POST /v1/users/me/second-factor does")
            if row.is_active:
                raise Conflict("the account has a second factor; remove it first")
            if not self._use_app_code(connection, user_id, code):
                raise Invalid(_WRONG, field="code")
            is_it = second_factors.c.user_id == user_id
            connection.execute(update(second_factors).where(is_it).values(is_active=True))
            end_sessions(connection, user_id, keep=session)
            self._record(connection, user_id, "second-factor.added", user_id)
            return _replace_codes(connection, user_id)

    def is_active(self, user_id: str) -> bool:
        """Whether logins need a code."""
        factors = second_factors.c
        query = select(factors.user_id).where(factors.user_id == user_id, factors.is_active.is_(True))
        with self._database.begin_read() as connection:
            return connection.execute(query).first() is not None

    def use_code(self, user_id: str, code: str) -> bool:
        """Whether the code of the app, or a recovery code, is right; either works once."""
        plain = "".join(code.split()).replace("-", "").lower()
        with self._database.begin_write() as connection:
            if plain.isdecimal():
                return self._use_app_code(connection, user_id, plain)
            is_it = (recovery_codes.c.user_id == user_id) & (recovery_codes.c.digest == _hash_code(plain))
            if connection.execute(delete(recovery_codes).where(is_it)).rowcount == 0:
                return False
            self._record(connection, user_id, "recovery-code.used", user_id)
            return True

    def renew_codes(self, user_id: str) -> Sequence[str]:
        """New recovery codes in place of the old ones."""
        with self._database.begin_write() as connection:
            self._record(connection, user_id, "recovery-codes.renewed", user_id)
            return _replace_codes(connection, user_id)

    def remove(self, user_id: str, *, by: str) -> None:
        """Log in by password alone. Raises: NotFound when there is no factor."""
        with self._database.begin_write() as connection:
            if not remove_factor(connection, user_id):
                raise NotFound("the account has no second factor")
            self._record(connection, by, "second-factor.removed", user_id)

    def _use_app_code(self, connection: Connection, user_id: str, code: str) -> bool:
        is_it = second_factors.c.user_id == user_id
        row = connection.execute(select(second_factors).where(is_it)).first()
        if row is None:
            return False
        secret = self._cipher.decrypt(row.secret)
        step = totp.find_step(secret, code, at=self._read_clock(), after=row.last_step)
        if step is None:
            return False
        later = update(second_factors).where(is_it, second_factors.c.last_step < step)
        return connection.execute(later.values(last_step=step)).rowcount == 1

    def _record(self, connection: Connection, by: str, action: str, user_id: str) -> None:
        append_event(connection, AuditEvent(by, action, user_id), at=self._read_clock())

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def remove_factor(connection: Connection, user_id: str) -> bool:
    """Remove factor and recovery codes, in the caller's transaction; False when there was none."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    removal = delete(second_factors).where(second_factors.c.user_id == user_id)
    return connection.execute(removal).rowcount > 0


def _replace_codes(connection: Connection, user_id: str) -> Sequence[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(_CODES)]
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [{"user_id": user_id, "digest": _hash_code(code)} for code in codes]
    connection.execute(insert(recovery_codes), rows)
    return ["-".join(code[n : n + 4] for n in range(0, _CODE_LENGTH, 4)) for code in codes]


def _hash_code(code: str) -> str:
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
