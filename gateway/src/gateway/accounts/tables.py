"""Tables of the accounts; refresh tokens and API keys are stored as SHA-256 only."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    event,
)

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("users_by_creation", "created_at", "id"),
)

families = Table(
    "refresh_families",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column(
        "family",
        String(32),
        ForeignKey("refresh_families.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("is_used", Boolean, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("plan", String(20), nullable=False),
)
"""A user without a row has the free plan."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(80), nullable=False),
    Column("prefix", String(20), nullable=False),
    Column("scopes", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("user_id", String(32), primary_key=True),
    Column("key_id", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True, index=True),
    Column("requests", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
)
"""No foreign keys: counts may arrive after the deletion of their user; old rows are deleted by time."""

usage_totals = Table(
    "usage_totals",
    metadata,
    Column("user_id", String(32), primary_key=True),
    Column("period", String(5), primary_key=True),
    Column("start", BigInteger, primary_key=True, index=True),
    Column("requests", BigInteger, nullable=False),
)
"""Requests that count against the plan, by day and by month."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(40), nullable=False, index=True),
    Column("target", String(80), nullable=False, index=True),
    Column("detail", String(2_000), nullable=False),
    Column("hash", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""A single row, which a writer locks."""
AUDIT_BEGINNING = "0" * 64

_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_keeps_{verb} BEFORE {verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE TRIGGER audit_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
    ],
}


@event.listens_for(audit, "after_create")
def _forbid_changes(_: Table, connection: Connection, **__: object) -> None:
    for statement in _APPEND_ONLY.get(connection.dialect.name, ()):
        connection.exec_driver_sql(statement)


@event.listens_for(audit_head, "after_create")
def _begin(_: Table, connection: Connection, **__: object) -> None:
    connection.execute(audit_head.insert().values(id=1, seq=0, hash=AUDIT_BEGINNING))
