"""All account stores on one database."""

from dataclasses import dataclass

from bookcore.kit.clock import Clock
from gateway.accounts.api_keys import ApiKeyStore
from gateway.accounts.audit import AuditLog
from gateway.accounts.credentials import CredentialStore
from gateway.accounts.database import Database
from gateway.accounts.identities import IdentityStore
from gateway.accounts.known_networks import KnownNetworks
from gateway.accounts.second_factors import SecondFactorStore
from gateway.accounts.sessions import LONGEST_SESSION, SessionStore
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
    networks: KnownNetworks
    credentials: CredentialStore
    second_factors: SecondFactorStore
    identities: IdentityStore

    @classmethod
    def create(
        cls,
        database: Database,
        *,
        clock: Clock,
        session_seconds: int,
        longest_seconds: int = LONGEST_SESSION,
        secret: str = "",
    ) -> "AccountStores":
        """`session_seconds`: lifetime of an unused refresh token; `longest_seconds`: that of a session;
        `secret` encrypts second factors."""
        return cls(
            users=UserStore(database, clock=clock),
            sessions=SessionStore(
                database, clock=clock, life_seconds=session_seconds, longest_seconds=longest_seconds
            ),
            api_keys=ApiKeyStore(database, clock=clock),
            usage=UsageTable(database),
            audit=AuditLog(database, clock=clock),
            networks=KnownNetworks(database, clock=clock),
            credentials=CredentialStore(database, clock=clock),
            second_factors=SecondFactorStore(database, clock=clock, secret=secret),
            identities=IdentityStore(database, clock=clock),
        )
