"""Passwords and proofs of an account, each change with its audit entry in one transaction."""

from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from bookcore.domain.errors import NotFound
from bookcore.kit.clock import Clock
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.database import Database
from gateway.accounts.one_time_tokens import TokenPurpose, issue_token, read_token, use_token
from gateway.accounts.security_tables import account_holds, confirmed_emails
from gateway.accounts.sessions import end_sessions
from gateway.accounts.tables import users

RESET_SECONDS = 3_600
CONFIRM_SECONDS = 2 * 86_400
SIGN_IN_SECONDS = 60
NO_PASSWORD = ""
"""Stored where an account has no password; no password matches it."""


class Hold(StrEnum):
    """Why the right password doesn't log in."""

    RESET = "reset"
    """An administrator asked for a new password."""
    UNCONFIRMED = "unconfirmed"
    """The e-mail address isn't confirmed yet."""


class CredentialStore:
    """API keys are no password and stay valid through all of this."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def change_password(self, user_id: str, password_hash: str, *, session: str) -> None:
        """A new password; ends all other sessions."""
        with self._database.begin_write() as connection:
            _set_password(connection, user_id, password_hash)
            end_sessions(connection, user_id, keep=session)
            self._record(connection, user_id, "password.changed", user_id)

    def create_link(self, user_id: str, purpose: TokenPurpose, *, life_seconds: int, by: str) -> str:
        """The secret of a new link. Raises: NotFound."""
        with self._database.begin_write() as connection:
            _check_user(connection, user_id)
            self._record(connection, by, f"{purpose.value}.asked", user_id)
            return issue_token(
                connection, user_id, purpose, now=self._read_clock(), life_seconds=life_seconds
            )

    def force_reset(self, user_id: str, *, by: str) -> None:
        """End all sessions and refuse the password until it is reset. Raises: NotFound."""
        with self._database.begin_write() as connection:
            _check_user(connection, user_id)
            end_sessions(connection, user_id)
            _release(connection, user_id, Hold.RESET)
            connection.execute(insert(account_holds).values(user_id=user_id, reason=Hold.RESET.value))
            self._record(connection, by, "password.reset-forced", user_id)

    def find_reset(self, token: str) -> str:
        """The user of a reset link, which stays valid. Raises: Invalid."""
        with self._database.begin_read() as connection:
            return read_token(connection, token, TokenPurpose.RESET, now=self._read_clock())

    def reset_password(self, token: str, password_hash: str) -> str:
        """Set the password by a link; ends all sessions. Returns the user's id. Raises: Invalid."""
        with self._database.begin_write() as connection:
            user_id = use_token(connection, token, TokenPurpose.RESET, now=self._read_clock())
            _set_password(connection, user_id, password_hash)
            _release(connection, user_id, Hold.RESET)
            end_sessions(connection, user_id)
            self._record(connection, user_id, "password.reset", user_id)
        return user_id

    def find_sign_in(self, token: str) -> str:
        """The user of a sign-in secret, which stays valid. Raises: Invalid."""
        with self._database.begin_read() as connection:
            return read_token(connection, token, TokenPurpose.SIGN_IN, now=self._read_clock())

    def use_sign_in(self, token: str) -> str:
        """The user of a sign-in secret. Raises: Invalid."""
        with self._database.begin_write() as connection:
            return use_token(connection, token, TokenPurpose.SIGN_IN, now=self._read_clock())

    def require_confirmation(self, user_id: str) -> None:
        """Refuse logins until the address is confirmed."""
        with self._database.begin_write() as connection:
            connection.execute(insert(account_holds).values(user_id=user_id, reason=Hold.UNCONFIRMED.value))

    def confirm_email(self, token: str) -> str:
        """The owner reads mail to the address. Returns the user's id. Raises: Invalid."""
        now = self._read_clock()
        with self._database.begin_write() as connection:
            user_id = use_token(connection, token, TokenPurpose.CONFIRM, now=now)
            mark_confirmed(connection, user_id, now=now)
            self._record(connection, user_id, "email.confirmed", user_id)
        return user_id

    def list_holds(self, user_id: str) -> frozenset[Hold]:
        """Holds of an account."""
        query = select(account_holds.c.reason).where(account_holds.c.user_id == user_id)
        with self._database.begin_read() as connection:
            return frozenset(Hold(row.reason) for row in connection.execute(query))

    def _record(self, connection: Connection, by: str, action: str, user_id: str) -> None:
        append_event(connection, AuditEvent(by, action, user_id), at=self._read_clock())

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def mark_confirmed(connection: Connection, user_id: str, *, now: int) -> None:
    """In the caller's transaction. Idempotent."""
    _release(connection, user_id, Hold.UNCONFIRMED)
    connection.execute(delete(confirmed_emails).where(confirmed_emails.c.user_id == user_id))
    connection.execute(insert(confirmed_emails).values(user_id=user_id, confirmed_at=now))


def _set_password(connection: Connection, user_id: str, password_hash: str) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def _release(connection: Connection, user_id: str, hold: Hold) -> None:
    is_it = (account_holds.c.user_id == user_id) & (account_holds.c.reason == hold.value)
    connection.execute(delete(account_holds).where(is_it))


def _check_user(connection: Connection, user_id: str) -> None:
    if connection.execute(select(users.c.id).where(users.c.id == user_id)).first() is None:
        raise NotFound(f"no user {user_id[:40]!r}; GET /v1/users lists them")
