"""Secrets of links: single use, with an end, stored as SHA-256."""

import secrets
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from bookcore.domain.errors import Invalid
from gateway.accounts.security_tables import one_time_tokens

_KEPT_SECONDS = 86_400
_FIELD = "token"


class TokenPurpose(StrEnum):
    """What the secret is good for."""

    RESET = "reset"
    """A new password."""
    CONFIRM = "confirm"
    """Proves that the owner reads mail to the address."""
    SIGN_IN = "sign-in"
    """A session, after the OpenID Connect provider has sent the browser back."""


def issue_token(
    connection: Connection, user_id: str, purpose: TokenPurpose, *, now: int, life_seconds: int
) -> str:
    """A new secret; earlier ones stay valid, so that nobody invalidates a link by asking for another."""
    token, columns = secrets.token_urlsafe(32), one_time_tokens.c
    connection.execute(delete(one_time_tokens).where(columns.expires_at <= now - _KEPT_SECONDS))
    row = {"digest": _hash_token(token), "purpose": purpose.value, "user_id": user_id}
    connection.execute(insert(one_time_tokens).values(**row, expires_at=now + life_seconds, used_at=None))
    return token


def read_token(connection: Connection, token: str, purpose: TokenPurpose, *, now: int) -> str:
    """The user of a valid secret, which stays valid. Raises: Invalid with the reason."""
    columns = one_time_tokens.c
    row = connection.execute(
        select(one_time_tokens).where(columns.digest == _hash_token(token), columns.purpose == purpose.value)
    ).first()
    if row is None:
        raise Invalid("this link is not known; ask for another", field=_FIELD)
    if row.used_at is not None:
        raise Invalid("this link was used already; ask for another", field=_FIELD)
    if row.expires_at <= now:
        raise Invalid("this link has expired; ask for another", field=_FIELD)
    user_id: str = row.user_id
    return user_id


def use_token(connection: Connection, token: str, purpose: TokenPurpose, *, now: int) -> str:
    """The user of a valid secret, which is used up, and all others of that purpose with it.

    Raises: Invalid with the reason; of two at once, for one.
    """
    user_id, columns = read_token(connection, token, purpose, now=now), one_time_tokens.c
    is_unused = columns.used_at.is_(None)
    first_use = update(one_time_tokens).where(columns.digest == _hash_token(token), is_unused)
    if connection.execute(first_use.values(used_at=now)).rowcount == 0:
        raise Invalid("this link was used already; ask for another", field=_FIELD)
    is_sibling = (columns.user_id == user_id) & (columns.purpose == purpose.value) & is_unused
    connection.execute(update(one_time_tokens).where(is_sibling).values(used_at=now))
    return user_id


def _hash_token(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
