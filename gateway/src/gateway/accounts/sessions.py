"""Sessions: families of single-use refresh tokens. An access token is valid only while its session is."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from gateway.accounts import AccountStatus
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.database import Database
from gateway.accounts.tables import families, refresh_tokens, subscriptions, users
from gateway.accounts.users import select_plan


@dataclass(frozen=True, slots=True)
class Session:
    """A session with its newest refresh token; `id` is that of the token family."""

    id: str
    user_id: str
    refresh_token: str


class _Presented(NamedTuple):
    digest: str
    family: str
    user_id: str
    is_used: bool
    expires_at: int


class SessionStore:
    """Refresh tokens are 256 random bits, stored as a hash only."""

    def __init__(self, database: Database, *, clock: Clock, life_seconds: int) -> None:
        self._database = database
        self._clock = clock
        self._life = life_seconds

    def create_session(self, user_id: str) -> Session:
        """A new session; also deletes expired sessions of all users."""
        family, now = uuid4().hex, self._read_clock()
        with self._database.begin_write() as connection:
            connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))
            connection.execute(delete(families).where(families.c.expires_at <= now))
            connection.execute(
                insert(families).values(id=family, user_id=user_id, expires_at=now + self._life)
            )
            append_event(connection, AuditEvent(user_id, "session.begun", family), at=now)
            return self._issue_token(connection, user_id, family)

    def rotate_token(self, refresh_token: str) -> Session | None:
        """The session with its next token; None for an unknown, expired or used token.

        A token that comes a second time was stolen from somebody: its whole family ends.
        """
        with self._database.begin_write() as connection:
            presented = _find_presented(connection, refresh_token)
            if presented is None:
                return None
            if presented.is_used or not _mark_used(connection, presented):
                connection.execute(delete(families).where(families.c.id == presented.family))
                deed = AuditEvent(presented.user_id, "session.stolen", presented.family)
                append_event(connection, deed, at=self._read_clock())
                return None
            if presented.expires_at <= self._read_clock():
                return None
            return self._issue_token(connection, presented.user_id, presented.family)

    def end_session(self, session_id: str, *, by: str) -> None:
        """Invalidate the refresh and access tokens of a session."""
        with self._database.begin_write() as connection:
            connection.execute(delete(families).where(families.c.id == session_id))
            append_event(connection, AuditEvent(by, "session.ended", session_id), at=self._read_clock())

    def end_all_sessions(self, user_id: str, *, by: str) -> None:
        """Invalidate all sessions of a user; API keys stay valid."""
        with self._database.begin_write() as connection:
            ended = connection.execute(delete(families).where(families.c.user_id == user_id)).rowcount
            deed = AuditEvent(by, "sessions.ended", user_id, {"count": str(ended)})
            append_event(connection, deed, at=self._read_clock())

    def find_status(self, session_id: str, user_id: str) -> AccountStatus | None:
        """Current status of the user; None for an ended session and a deleted or disabled user."""
        query = (
            select(users.c.role, select_plan().label("plan"))
            .join(families, families.c.user_id == users.c.id)
            .outerjoin(subscriptions, subscriptions.c.user_id == users.c.id)
            .where(families.c.id == session_id, users.c.id == user_id, users.c.is_disabled.is_(False))
        )
        with self._database.begin_read() as connection:
            row = connection.execute(query).first()
        return None if row is None else AccountStatus(Role(row.role), row.plan)

    def _issue_token(self, connection: Connection, user_id: str, family: str) -> Session:
        token, expires_at = secrets.token_urlsafe(32), self._read_clock() + self._life
        values = {"digest": _hash_token(token), "family": family, "expires_at": expires_at, "is_used": False}
        connection.execute(insert(refresh_tokens).values(**values))
        connection.execute(update(families).where(families.c.id == family).values(expires_at=expires_at))
        return Session(family, user_id, token)

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def _find_presented(connection: Connection, refresh_token: str) -> _Presented | None:
    tokens = refresh_tokens.c
    row = connection.execute(
        select(tokens.digest, tokens.family, families.c.user_id, tokens.is_used, tokens.expires_at)
        .join(families, families.c.id == tokens.family)
        .where(tokens.digest == _hash_token(refresh_token))
    ).first()
    return None if row is None else _Presented(*row)


def _mark_used(connection: Connection, presented: _Presented) -> bool:
    first_use = (refresh_tokens.c.digest == presented.digest) & refresh_tokens.c.is_used.is_(False)
    return connection.execute(update(refresh_tokens).where(first_use).values(is_used=True)).rowcount == 1


def _hash_token(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
