"""The stores of the accounts, opened together on one database."""

from dataclasses import dataclass

from bookcore.kit.clock import Clock
from gateway.accounts.api_keys import ApiKeys
from gateway.accounts.audit import AuditLog
from gateway.accounts.database import Database
from gateway.accounts.sessions import Sessions
from gateway.accounts.usage import UsageTable
from gateway.accounts.users import Users


@dataclass(frozen=True, slots=True)
class Stores:
    """One each."""

    users: Users
    sessions: Sessions
    api_keys: ApiKeys
    usage: UsageTable
    audit: AuditLog

    @classmethod
    def on(cls, database: Database, *, clock: Clock, session_seconds: int) -> "Stores":
        """`session_seconds` is the life of an unused refresh token."""
        return cls(
            users=Users(database, clock=clock),
            sessions=Sessions(database, clock=clock, life_seconds=session_seconds),
            api_keys=ApiKeys(database, clock=clock),
            usage=UsageTable(database),
            audit=AuditLog(database, clock=clock),
        )
