"""Tables of what protects an account: networks, sessions, resets, second factors, linked identities.

Each stands beside the tables of the first version and is keyed by theirs, so that a database of before needs
no ALTER TABLE, and a gateway of before goes on working on it during a rolling restart.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table

from gateway.accounts.tables import metadata as metadata  # with the tables below


def _create_user_column(*, is_key: bool = True) -> Column[str]:
    reference = ForeignKey("users.id", ondelete="CASCADE")
    return Column("user_id", String(32), reference, primary_key=is_key, nullable=False, index=not is_key)


known_networks = Table(
    "known_networks",
    metadata,
    _create_user_column(),
    Column("network", String(64), primary_key=True),
    Column("last_seen_at", BigInteger, nullable=False),
)
"""Networks from which an account has logged in."""

session_details = Table(
    "session_details",
    metadata,
    Column("family", String(32), ForeignKey("refresh_families.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("device", String(80), nullable=False),
    Column("network", String(64), nullable=False),
)

refresh_uses = Table(
    "refresh_uses",
    metadata,
    Column("digest", String(64), ForeignKey("refresh_tokens.digest", ondelete="CASCADE"), primary_key=True),
    Column("salt", String(64), nullable=False),
    Column("used_at", BigInteger, nullable=False),
)
"""First use of a refresh token. Token and salt together give its successor; neither does alone."""

account_holds = Table(
    "account_holds",
    metadata,
    _create_user_column(),
    Column("reason", String(20), primary_key=True),
)
"""Why the right password doesn't log in. An account without a row has no hold: those of before too."""

confirmed_emails = Table(
    "confirmed_emails", metadata, _create_user_column(), Column("confirmed_at", BigInteger, nullable=False)
)
"""Accounts whose owner has proved to read mail to the address."""

one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("purpose", String(20), nullable=False),
    _create_user_column(is_key=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)
"""SHA-256 of the secrets in links; kept for a day after their end, to tell used from unknown."""

second_factors = Table(
    "second_factors",
    metadata,
    _create_user_column(),
    Column("secret", String(300), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),
)
"""`secret` is encrypted; `last_step`: the newest time step whose code was used."""

recovery_codes = Table(
    "recovery_codes", metadata, _create_user_column(), Column("digest", String(64), primary_key=True)
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(300), primary_key=True),
    Column("subject", String(255), primary_key=True),
    _create_user_column(is_key=False),
)
"""Accounts at an OpenID Connect provider, by its own names."""
