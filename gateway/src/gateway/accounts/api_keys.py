"""API keys: shown once, stored as SHA-256, never more powerful than their owner is today."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, insert, or_, select

from bookcore.domain.errors import Conflict, NotFound
from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from gateway.accounts import AccountStatus
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.database import Database
from gateway.accounts.tables import api_keys, subscriptions, users
from gateway.accounts.users import select_has_second_factor, select_plan

KEY_MARK = "bk_"
_SHOWN = len(KEY_MARK) + 6


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; `prefix`: its first characters. Times in seconds since 1970, 0 for never
    used."""

    id: str
    user_id: str
    name: str
    prefix: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    last_used_at: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to create; `expires_at` None for no expiry."""

    name: str
    scopes: frozenset[str]
    expires_at: int | None


class ApiKeyStore:
    """Keys are 256 random bits, so a plain SHA-256 is a sufficient hash."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create_key(self, user_id: str, new: NewKey, *, max_keys: int) -> tuple[ApiKey, str]:
        """The new key and its secret, which is not stored. Raises: Conflict at `max_keys`."""
        secret, now = KEY_MARK + secrets.token_urlsafe(32), self._read_clock()
        key = ApiKey(
            id=uuid4().hex,
            user_id=user_id,
            name=new.name,
            prefix=secret[:_SHOWN],
            scopes=new.scopes,
            created_at=now,
            expires_at=new.expires_at,
            last_used_at=0,
        )
        with self._database.begin_write() as connection:
            _check_key_limit(connection, user_id, max_keys)
            connection.execute(insert(api_keys).values(**_to_row(key), digest=_hash_secret(secret)))
            detail = {"name": key.name, "scopes": " ".join(sorted(key.scopes))}
            append_event(connection, AuditEvent(user_id, "key.created", key.id, detail), at=now)
        return key, secret

    def list_keys(self, user_id: str) -> Sequence[ApiKey]:
        """Keys of a user, oldest first, including expired ones."""
        query = (
            select(api_keys)
            .where(api_keys.c.user_id == user_id)
            .order_by(api_keys.c.created_at, api_keys.c.id)
        )
        with self._database.begin_read() as connection:
            return [_parse_row(row) for row in connection.execute(query)]

    def revoke_key(self, user_id: str, key_id: str, *, by: str) -> None:
        """Invalidate a key at once. Raises: NotFound, also for another user's key."""
        is_it = (api_keys.c.id == key_id) & (api_keys.c.user_id == user_id)
        with self._database.begin_write() as connection:
            if connection.execute(delete(api_keys).where(is_it)).rowcount == 0:
                raise NotFound(f"no API key {key_id[:40]!r}; GET /v1/keys lists yours")
            append_event(
                connection, AuditEvent(by, "key.revoked", key_id, {"owner": user_id}), at=self._read_clock()
            )

    def find_key(self, secret: str) -> tuple[ApiKey, AccountStatus] | None:
        """The valid key with this secret and the status of its owner, else None."""
        keys = api_keys.c
        query = (
            select(
                api_keys,
                users.c.role,
                select_plan().label("plan"),
                select_has_second_factor().label("has_factor"),
            )
            .join(users, users.c.id == keys.user_id)
            .outerjoin(subscriptions, subscriptions.c.user_id == users.c.id)
            .where(
                keys.digest == _hash_secret(secret),
                users.c.is_disabled.is_(False),
                or_(keys.expires_at.is_(None), keys.expires_at > self._read_clock()),
            )
        )
        with self._database.begin_read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return _parse_row(row), AccountStatus(Role(row.role), row.plan, row.has_factor)

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def _check_key_limit(connection: Connection, user_id: str, max_keys: int) -> None:
    owner = select(users.c.id).where(users.c.id == user_id).with_for_update()  # so that two can't both count
    if connection.execute(owner).first() is None:
        raise NotFound("the account was deleted")
    count = select(func.count()).select_from(api_keys).where(api_keys.c.user_id == user_id)
    if connection.execute(count).scalar_one() >= max_keys:
        raise Conflict(f"the plan allows {max_keys} API keys; revoke one first")


def _to_row(key: ApiKey) -> dict[str, str | int | None]:
    return {
        "id": key.id,
        "user_id": key.user_id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": " ".join(sorted(key.scopes)),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }


def _parse_row(row: Row[tuple[object, ...]]) -> ApiKey:
    fields = row._mapping
    return ApiKey(
        id=fields["id"],
        user_id=fields["user_id"],
        name=fields["name"],
        prefix=fields["prefix"],
        scopes=frozenset(fields["scopes"].split()),
        created_at=fields["created_at"],
        expires_at=fields["expires_at"],
        last_used_at=fields["last_used_at"],
    )


def _hash_secret(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
