"""All account stores on one database."""

from dataclasses import dataclass

from bookcore.kit.clock import Clock
from gateway.accounts.api_keys import ApiKeyStore
from gateway.accounts.audit import AuditLog
from gateway.accounts.database import Database
from gateway.accounts.sessions import SessionStore
from gateway.accounts.usage import UsageTable
from gateway.accounts.users import UserStore


@dataclass(frozen=True, slots=True)
class AccountStores:
    """One of each."""

    users: UserStore
    sessions: SessionStore
    api_keys: ApiKeyStore
    usage: UsageTable
    audit: AuditLog

    @classmethod
    def create(cls, database: Database, *, clock: Clock, session_seconds: int) -> "AccountStores":
        """`session_seconds`: lifetime of an unused refresh token."""
        return cls(
            users=UserStore(database, clock=clock),
            sessions=SessionStore(database, clock=clock, life_seconds=session_seconds),
            api_keys=ApiKeyStore(database, clock=clock),
            usage=UsageTable(database),
            audit=AuditLog(database, clock=clock),
        )
