"""Sessions: families of refresh tokens, each used once. An access token lives only while its session does."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from gateway.accounts import Standing
from gateway.accounts.audit import Deed, record
from gateway.accounts.database import Database
from gateway.accounts.tables import families, refresh_tokens, subscriptions, users
from gateway.accounts.users import plan_of


@dataclass(frozen=True, slots=True)
class Session:
    """A session with its newest refresh token, as the client gets it; `id` is the family's."""

    id: str
    user_id: str
    refresh_token: str


class _Presented(NamedTuple):
    digest: str
    family: str
    user_id: str
    is_used: bool
    expires_at: int


class Sessions:
    """A refresh token is opaque, 256 random bits, and stored as a hash only."""

    def __init__(self, database: Database, *, clock: Clock, life_seconds: int) -> None:
        self._database = database
        self._clock = clock
        self._life = life_seconds

    def begin(self, user_id: str) -> Session:
        """A new session; also sweeps out everybody's that have expired."""
        family, now = uuid4().hex, self._now()
        with self._database.writing() as connection:
            connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))
            connection.execute(delete(families).where(families.c.expires_at <= now))
            connection.execute(
                insert(families).values(id=family, user_id=user_id, expires_at=now + self._life)
            )
            record(connection, Deed(user_id, "session.begun", family), at=now)
            return self._issue(connection, user_id, family)

    def rotate(self, refresh_token: str) -> Session | None:
        """The session with its next token; None for a token that is unknown, expired or used.

        A token that comes a second time was stolen from somebody: its whole family ends.
        """
        with self._database.writing() as connection:
            presented = _find(connection, refresh_token)
            if presented is None:
                return None
            if presented.is_used or not _use(connection, presented):
                connection.execute(delete(families).where(families.c.id == presented.family))
                deed = Deed(presented.user_id, "session.stolen", presented.family)
                record(connection, deed, at=self._now())
                return None
            if presented.expires_at <= self._now():
                return None
            return self._issue(connection, presented.user_id, presented.family)

    def end(self, session_id: str, *, by: str) -> None:
        """Log out: the session's refresh and access tokens are void from now on."""
        with self._database.writing() as connection:
            connection.execute(delete(families).where(families.c.id == session_id))
            record(connection, Deed(by, "session.ended", session_id), at=self._now())

    def end_all(self, user_id: str, *, by: str) -> None:
        """Log out everywhere: as end, for every session of the user. API keys stay."""
        with self._database.writing() as connection:
            ended = connection.execute(delete(families).where(families.c.user_id == user_id)).rowcount
            deed = Deed(by, "sessions.ended", user_id, {"count": str(ended)})
            record(connection, deed, at=self._now())

    def standing_in(self, session_id: str, user_id: str) -> Standing | None:
        """What the user is now; None when the session has ended or its user is gone or disabled."""
        query = (
            select(users.c.role, plan_of().label("plan"))
            .join(families, families.c.user_id == users.c.id)
            .outerjoin(subscriptions, subscriptions.c.user_id == users.c.id)
            .where(families.c.id == session_id, users.c.id == user_id, users.c.is_disabled.is_(False))
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Standing(Role(row.role), row.plan)

    def _issue(self, connection: Connection, user_id: str, family: str) -> Session:
        token, expires_at = secrets.token_urlsafe(32), self._now() + self._life
        values = {"digest": _digest(token), "family": family, "expires_at": expires_at, "is_used": False}
        connection.execute(insert(refresh_tokens).values(**values))
        connection.execute(update(families).where(families.c.id == family).values(expires_at=expires_at))
        return Session(family, user_id, token)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _find(connection: Connection, refresh_token: str) -> _Presented | None:
    tokens = refresh_tokens.c
    row = connection.execute(
        select(tokens.digest, tokens.family, families.c.user_id, tokens.is_used, tokens.expires_at)
        .join(families, families.c.id == tokens.family)
        .where(tokens.digest == _digest(refresh_token))
    ).first()
    return None if row is None else _Presented(*row)


def _use(connection: Connection, presented: _Presented) -> bool:
    first_use = (refresh_tokens.c.digest == presented.digest) & refresh_tokens.c.is_used.is_(False)
    return connection.execute(update(refresh_tokens).where(first_use).values(is_used=True)).rowcount == 1


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
