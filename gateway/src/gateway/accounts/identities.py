"""Accounts at an organisation's OpenID Connect provider, linked to accounts here."""

from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookcore.domain.errors import Conflict
from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.credentials import NO_PASSWORD, mark_confirmed
from gateway.accounts.database import Database
from gateway.accounts.second_factors import remove_factor
from gateway.accounts.security_tables import confirmed_emails, identities
from gateway.accounts.sessions import end_sessions
from gateway.accounts.tables import api_keys, users


class IdentityStore:
    """An identity is issuer and subject, which the provider gives to nobody else; an address it may."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def find_user(self, issuer: str, subject: str) -> str | None:
        """The id of the linked user."""
        is_it = (identities.c.issuer == issuer) & (identities.c.subject == subject)
        with self._database.begin_read() as connection:
            row = connection.execute(select(identities.c.user_id).where(is_it)).first()
        return None if row is None else str(row.user_id)

    def link(self, issuer: str, subject: str, email: str) -> str:
        """Link to the account of an address that the provider has verified; makes one where there is none.

        Whoever registered the address here without proving to read its mail may be somebody else: password,
        sessions, keys and second factor of such an account end. Returns the user's id. Raises: Conflict when
        two do it at once.
        """
        now = int(self._clock.now().timestamp())
        try:
            with self._database.begin_write() as connection:
                row = connection.execute(select(users.c.id).where(users.c.email == email)).first()
                user_id = _create_user(connection, email, now) if row is None else str(row.id)
                if not _is_confirmed(connection, user_id):
                    _revoke_credentials(connection, user_id)
                mark_confirmed(connection, user_id, now=now)
                row_values = {"issuer": issuer, "subject": subject, "user_id": user_id}
                connection.execute(insert(identities).values(**row_values))
                append_event(connection, AuditEvent(user_id, "identity.linked", user_id), at=now)
        except IntegrityError as error:
            raise Conflict("the account was linked at the same moment; sign in again") from error
        return user_id


def _create_user(connection: Connection, email: str, now: int) -> str:
    user_id = uuid4().hex
    row = {"id": user_id, "email": email, "password_hash": NO_PASSWORD, "role": Role.READER.value}
    connection.execute(insert(users).values(**row, is_disabled=False, created_at=now))
    deed = AuditEvent(user_id, "user.created", user_id, {"role": Role.READER.value})
    append_event(connection, deed, at=now)
    return user_id


def _is_confirmed(connection: Connection, user_id: str) -> bool:
    is_it = confirmed_emails.c.user_id == user_id
    return connection.execute(select(confirmed_emails.c.user_id).where(is_it)).first() is not None


def _revoke_credentials(connection: Connection, user_id: str) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=NO_PASSWORD))
    connection.execute(delete(api_keys).where(api_keys.c.user_id == user_id))
    end_sessions(connection, user_id)
    remove_factor(connection, user_id)
