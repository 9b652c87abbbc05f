"""Sessions: families of refresh tokens. An access token is valid only while its session is.

A refresh token is used once. Its successor is HMAC-SHA256 with the token itself as the key over a random
salt that is stored at the first use: the database alone, or an old token alone, doesn't give it. So an answer
can be repeated for ten seconds, for two requests at once or after a lost one, and only hashes and salts are
stored.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookcore.domain.errors import NotFound
from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from gateway.accounts import AccountStatus, SessionOrigin
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.database import Database
from gateway.accounts.security_tables import refresh_uses, session_details
from gateway.accounts.tables import families, refresh_tokens, subscriptions, users
from gateway.accounts.users import select_has_second_factor, select_plan

_REPEAT_SECONDS = 10
LONGEST_SESSION = 30 * 86_400
"""Seconds, unless the settings say another time."""
_UNKNOWN = SessionOrigin()


@dataclass(frozen=True, slots=True)
class Session:
    """A session with its newest refresh token; `id` is that of the token family."""

    id: str
    user_id: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class SessionDetails:
    """A session as its owner sees it; times in seconds since 1970. `last_used_at`: last login or refresh."""

    id: str
    origin: SessionOrigin
    created_at: int
    last_used_at: int
    expires_at: int


class _Presented(NamedTuple):
    digest: str
    family: str
    user_id: str
    is_used: bool
    expires_at: int


class SessionStore:
    """Refresh tokens are 256 bits, stored as a hash only. `life_seconds` is that of an unused token,
    `longest_seconds` that of a session, however often it is used."""

    def __init__(
        self, database: Database, *, clock: Clock, life_seconds: int, longest_seconds: int = LONGEST_SESSION
    ) -> None:
        self._database = database
        self._clock = clock
        self._life = life_seconds
        self._longest = longest_seconds

    def describe_older_sessions(self) -> None:
        """Sessions of before, which have no details, begin now; their longest life too."""
        # another gateway that starts now describes the same ones
        with suppress(IntegrityError), self._database.begin_write() as connection:
            described = select(session_details.c.family)
            for row in connection.execute(select(families.c.id).where(families.c.id.not_in(described))).all():
                self._describe(connection, row.id, _UNKNOWN)

    def create_session(self, user_id: str, origin: SessionOrigin = _UNKNOWN) -> Session:
        """A new session; also deletes expired sessions of all users."""
        family, now = uuid4().hex, self._read_clock()
        with self._database.begin_write() as connection:
            connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))
            connection.execute(delete(families).where(families.c.expires_at <= now))
            connection.execute(
                insert(families).values(id=family, user_id=user_id, expires_at=now + self._life)
            )
            self._describe(connection, family, origin)
            append_event(connection, AuditEvent(user_id, "session.begun", family), at=now)
            return self._issue_token(connection, user_id, family, secrets.token_urlsafe(32))

    def rotate_token(self, refresh_token: str, origin: SessionOrigin = _UNKNOWN) -> Session | None:
        """The session with its next token, the same for ten seconds; None for an unknown or expired token.

        A token that comes later again was stolen from somebody: its whole family ends.
        """
        with self._database.begin_write() as connection:
            presented = _find_presented(connection, refresh_token)
            if presented is None or (presented.expires_at <= self._read_clock() and not presented.is_used):
                return None
            is_first = not presented.is_used and _mark_used(connection, presented)
            if not is_first:
                return self._repeat_token(connection, presented, refresh_token)
            self._touch(connection, presented.family, origin)
            salt = secrets.token_urlsafe(32)
            use = {"digest": presented.digest, "salt": salt, "used_at": self._read_clock()}
            connection.execute(insert(refresh_uses).values(**use))
            successor = _derive_successor(refresh_token, salt)
            return self._issue_token(connection, presented.user_id, presented.family, successor)

    def list_sessions(self, user_id: str) -> Sequence[SessionDetails]:
        """Sessions of a user, the newest used first."""
        details = session_details.c
        query = (
            select(session_details, families.c.expires_at)
            .join(families, families.c.id == details.family)
            .where(families.c.user_id == user_id, families.c.expires_at > self._read_clock())
            .order_by(details.last_used_at.desc(), details.family)
        )
        with self._database.begin_read() as connection:
            return [
                SessionDetails(
                    row.family,
                    SessionOrigin(row.device, row.network),
                    row.created_at,
                    row.last_used_at,
                    row.expires_at,
                )
                for row in connection.execute(query)
            ]

    def end_session(self, session_id: str, *, user_id: str, by: str) -> None:
        """Invalidate the tokens of a session. Raises: NotFound, also for another user's."""
        is_it = (families.c.id == session_id) & (families.c.user_id == user_id)
        with self._database.begin_write() as connection:
            if connection.execute(delete(families).where(is_it)).rowcount == 0:
                raise NotFound(f"no session {session_id[:40]!r}; GET /v1/users/me/sessions lists yours")
            append_event(connection, AuditEvent(by, "session.ended", session_id), at=self._read_clock())

    def end_all_sessions(self, user_id: str, *, by: str) -> None:
        """Invalidate all sessions of a user; API keys stay valid."""
        with self._database.begin_write() as connection:
            ended = end_sessions(connection, user_id)
            deed = AuditEvent(by, "sessions.ended", user_id, {"count": str(ended)})
            append_event(connection, deed, at=self._read_clock())

    def find_status(self, session_id: str, user_id: str) -> AccountStatus | None:
        """Current status of the user; None for an ended session and a deleted or disabled user."""
        query = (
            select(users.c.role, select_plan().label("plan"), select_has_second_factor().label("has_factor"))
            .join(families, families.c.user_id == users.c.id)
            .outerjoin(subscriptions, subscriptions.c.user_id == users.c.id)
            .where(families.c.id == session_id, users.c.id == user_id, users.c.is_disabled.is_(False))
            .where(families.c.expires_at > self._read_clock())
        )
        with self._database.begin_read() as connection:
            row = connection.execute(query).first()
        return None if row is None else AccountStatus(Role(row.role), row.plan, row.has_factor)

    def _issue_token(self, connection: Connection, user_id: str, family: str, token: str) -> Session:
        created = select(session_details.c.created_at).where(session_details.c.family == family)
        last_moment = connection.execute(created).scalar_one() + self._longest
        expires_at = min(self._read_clock() + self._life, last_moment)
        values = {"digest": _hash_token(token), "family": family, "expires_at": expires_at, "is_used": False}
        connection.execute(insert(refresh_tokens).values(**values))
        connection.execute(update(families).where(families.c.id == family).values(expires_at=expires_at))
        return Session(family, user_id, token)

    def _repeat_token(
        self, connection: Connection, presented: _Presented, refresh_token: str
    ) -> Session | None:
        now = self._read_clock()
        use = connection.execute(
            select(refresh_uses).where(refresh_uses.c.digest == presented.digest)
        ).first()
        if use is not None and abs(now - use.used_at) <= _REPEAT_SECONDS:  # clocks differ and are set back
            successor = _derive_successor(refresh_token, use.salt)
            return Session(presented.family, presented.user_id, successor)
        connection.execute(delete(families).where(families.c.id == presented.family))
        deed = AuditEvent(presented.user_id, "session.stolen", presented.family)
        append_event(connection, deed, at=now)
        return None

    def _touch(self, connection: Connection, family: str, origin: SessionOrigin) -> None:
        values = {"last_used_at": self._read_clock(), "device": origin.device, "network": origin.network}
        is_it = session_details.c.family == family
        if connection.execute(update(session_details).where(is_it).values(**values)).rowcount == 0:
            self._describe(connection, family, origin)  # begun by a gateway of before

    def _describe(self, connection: Connection, family: str, origin: SessionOrigin) -> None:
        now = self._read_clock()
        row = {"family": family, "created_at": now, "last_used_at": now}
        connection.execute(
            insert(session_details).values(**row, device=origin.device, network=origin.network)
        )

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def end_sessions(connection: Connection, user_id: str, *, keep: str | None = None) -> int:
    """End all sessions of a user but one, in the caller's transaction; returns how many."""
    ended = delete(families).where(families.c.user_id == user_id)
    if keep is not None:
        ended = ended.where(families.c.id != keep)
    return connection.execute(ended).rowcount


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


def _derive_successor(token: str, salt: str) -> str:
    derived = hmac.digest(token.encode("utf-8", "surrogatepass"), salt.encode(), "sha256")
    return urlsafe_b64encode(derived).rstrip(b"=").decode()


def _hash_token(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
