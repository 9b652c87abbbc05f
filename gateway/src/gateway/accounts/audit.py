"""Audit log: every change with its actor and target, written in the transaction of the change, as a hash
chain.

The database refuses changes and deletions by triggers. Whoever gets round those breaks the chain, and whoever
forges the whole chain anew meets the hashes that the structured log has kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import orjson
from sqlalchemy import Connection, Row, insert, select, update

from bookcore.kit.clock import Clock
from bookcore.kit.logger import get_logger
from gateway.accounts.database import Database
from gateway.accounts.tables import AUDIT_BEGINNING, audit, audit_head

_log = get_logger(__name__)
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A change. `actor`: user id, with `/` and the key's id for an API key; `detail` holds no secrets."""

    actor: str
    action: str
    target: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A stored event; `at` in seconds since 1970."""

    seq: int
    at: int
    deed: AuditEvent
    hash: str


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """Result of a verification. `broken_at`: first record with a wrong hash; `head`: newest hash."""

    entries: int
    head: str
    broken_at: int | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Exact matches; None matches everything."""

    action: str | None = None
    actor: str | None = None
    target: str | None = None


def append_event(connection: Connection, deed: AuditEvent, *, at: int) -> None:
    """Append in the caller's transaction; other writers wait for its end."""
    head = connection.execute(select(audit_head).with_for_update()).one()
    seq = head.seq + 1
    entry = AuditRecord(seq, at, deed, _compute_hash(head.hash, seq, at, deed))
    connection.execute(insert(audit).values(**_to_row(entry)))
    connection.execute(update(audit_head).values(seq=seq, hash=entry.hash))
    _log.info("audit", seq=seq, action=deed.action, actor=deed.actor, target=deed.target, hash=entry.hash)


class AuditLog:
    """Reads and verifies the log, and appends events in transactions of their own."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def append(self, deed: AuditEvent) -> None:
        """Append in a transaction of its own."""
        self.append_all([deed])

    def append_all(self, deeds: Sequence[AuditEvent]) -> None:
        """Append all events in one transaction."""
        with self._database.begin_write() as connection:
            for deed in deeds:
                append_event(connection, deed, at=int(self._clock.now().timestamp()))

    def list_records(self, wanted: AuditFilter, *, before: int | None, limit: int) -> Sequence[AuditRecord]:
        """Records with a number below `before`, newest first."""
        query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
        for name in ("action", "actor", "target"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(audit.c[name] == value)
        if before is not None:
            query = query.where(audit.c.seq < before)
        with self._database.begin_read() as connection:
            return [_parse_row(row) for row in connection.execute(query)]

    def verify(self) -> ChainVerification:
        """Verify the whole chain, in constant memory."""
        expected, last = 1, AUDIT_BEGINNING
        with self._database.begin_read() as connection:
            head = connection.execute(select(audit_head)).one()
            query = select(audit).order_by(audit.c.seq).execution_options(yield_per=_BATCH)
            for row in connection.execute(query):
                entry = _parse_row(row)
                if entry.seq != expected or entry.hash != _compute_hash(
                    last, entry.seq, entry.at, entry.deed
                ):
                    return ChainVerification(expected - 1, last, broken_at=expected)
                expected, last = expected + 1, entry.hash
        is_whole = (head.seq, head.hash) == (expected - 1, last)
        return ChainVerification(expected - 1, last, broken_at=None if is_whole else expected)


def _compute_hash(before: str, seq: int, at: int, deed: AuditEvent) -> str:
    said = [before, seq, at, deed.actor, deed.action, deed.target, dict(sorted(deed.detail.items()))]
    return sha256(orjson.dumps(said)).hexdigest()


def _to_row(entry: AuditRecord) -> dict[str, str | int]:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.deed.actor,
        "action": entry.deed.action,
        "target": entry.deed.target,
        "detail": orjson.dumps(dict(sorted(entry.deed.detail.items()))).decode(),
        "hash": entry.hash,
    }


def _parse_row(row: Row[tuple[object, ...]]) -> AuditRecord:
    fields = row._mapping
    deed = AuditEvent(fields["actor"], fields["action"], fields["target"], orjson.loads(fields["detail"]))
    return AuditRecord(fields["seq"], fields["at"], deed, fields["hash"])
