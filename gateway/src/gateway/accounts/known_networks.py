"""Networks from which an account has logged in: there its owner is not kept out by what others try."""

from contextlib import suppress

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookcore.kit.clock import Clock
from gateway.accounts.database import Database
from gateway.accounts.security_tables import known_networks

_KEPT_SECONDS = 90 * 86_400
_MOST = 20


class KnownNetworks:
    """The newest twenty of an account, each for 90 days after its last login."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def contains(self, user_id: str, network: str) -> bool:
        """Whether the account has logged in from there."""
        columns, since = known_networks.c, self._read_clock() - _KEPT_SECONDS
        is_it = (columns.user_id == user_id) & (columns.network == network) & (columns.last_seen_at > since)
        with self._database.begin_read() as connection:
            return connection.execute(select(columns.network).where(is_it)).first() is not None

    def remember(self, user_id: str, network: str) -> None:
        """The account has just logged in from there. Idempotent by account and network."""
        columns, now = known_networks.c, self._read_clock()
        is_it = (columns.user_id == user_id) & (columns.network == network)
        with (
            suppress(IntegrityError),
            self._database.begin_write() as connection,
        ):  # another gateway was first
            seen = update(known_networks).where(is_it).values(last_seen_at=now)
            if connection.execute(seen).rowcount == 0:
                row = {"user_id": user_id, "network": network, "last_seen_at": now}
                connection.execute(insert(known_networks).values(**row))
                _forget_oldest(connection, user_id, now)

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def _forget_oldest(connection: Connection, user_id: str, now: int) -> None:
    columns = known_networks.c
    is_theirs = columns.user_id == user_id
    newest = select(columns.network).where(is_theirs).order_by(columns.last_seen_at.desc()).limit(_MOST)
    kept = [row.network for row in connection.execute(newest)]
    is_old = columns.last_seen_at <= now - _KEPT_SECONDS
    connection.execute(delete(known_networks).where(is_theirs, columns.network.not_in(kept) | is_old))
