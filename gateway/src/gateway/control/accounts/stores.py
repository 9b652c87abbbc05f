"""The stores of the accounts, opened together on one database."""

from dataclasses import dataclass

from bookcore.kit.clock import Clock
from gateway.control.accounts.api_keys import ApiKeys
from gateway.control.accounts.audit import AuditLog
from gateway.control.accounts.database import Database
from gateway.control.accounts.sessions import Sessions
from gateway.control.accounts.usage import UsageTable
from gateway.control.accounts.users import Users


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
