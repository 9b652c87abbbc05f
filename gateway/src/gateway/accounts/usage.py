"""Usage by user, key and hour; kept for three months."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookcore.domain.errors import Unavailable
from gateway.accounts.database import Database
from gateway.accounts.tables import api_keys, usage
from gateway.accounts.totals import add_totals, read_totals

HOUR = 3_600
_KEPT = 92 * 24 * HOUR
NO_KEY = ""


@dataclass(frozen=True, slots=True, order=True)
class UsageKey:
    """Key of a count; `key_id` is empty for sessions, `hour` in seconds since 1970."""

    user_id: str
    key_id: str
    hour: int


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests by status: `refused` 4xx, `failed` 5xx, both included in `requests`. `last`: newest
    request."""

    requests: int
    refused: int
    failed: int
    last: int


@dataclass(frozen=True, slots=True)
class StoredUsage:
    """Stored counts."""

    cell: UsageKey
    requests: int
    refused: int
    failed: int


class UsageTable:
    """Adding isn't idempotent: drop pending counts only after the commit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tallies: Mapping[UsageKey, RequestCounts]) -> None:
        """Add counts in one transaction; also records the last use of each key and deletes rows older than
        three months.

        Raises: Unavailable, also when another gateway began the same hour at the same moment.
        """
        try:
            with self._database.begin_write() as connection:
                oldest = max(cell.hour for cell in tallies) - _KEPT
                connection.execute(delete(usage).where(usage.c.hour < oldest))
                for cell in sorted(tallies):  # in one order, so that two gateways can't deadlock
                    _add_counts(connection, cell, tallies[cell])
                add_totals(
                    connection, ((c.user_id, c.hour, t.requests - t.refused) for c, t in tallies.items())
                )
        except IntegrityError as error:
            raise Unavailable("another gateway writes the same counts; try again") from error

    def read_totals(self, users: Iterable[str], *, at: int) -> Mapping[tuple[str, str], int]:
        """Requests that count against the plan in the current day and month, by user and `day` or `month`."""
        with self._database.begin_read() as connection:
            return read_totals(connection, users, at=at)

    def list_usage(self, user_id: str, *, since: int) -> list[StoredUsage]:
        """Usage of a user from an hour on, by hour and key."""
        query = (
            select(usage)
            .where(usage.c.user_id == user_id, usage.c.hour >= since)
            .order_by(usage.c.hour, usage.c.key_id)
        )
        with self._database.begin_read() as connection:
            rows = connection.execute(query).all()
        return [
            StoredUsage(UsageKey(row.user_id, row.key_id, row.hour), row.requests, row.refused, row.failed)
            for row in rows
        ]


def _add_counts(connection: Connection, cell: UsageKey, tally: RequestCounts) -> None:
    columns = usage.c
    is_cell = (
        (columns.user_id == cell.user_id) & (columns.key_id == cell.key_id) & (columns.hour == cell.hour)
    )
    more = {
        "requests": columns.requests + tally.requests,
        "refused": columns.refused + tally.refused,
        "failed": columns.failed + tally.failed,
    }
    if connection.execute(update(usage).where(is_cell).values(**more)).rowcount == 0:
        connection.execute(insert(usage).values(**_to_row(cell, tally)))
    if cell.key_id:
        is_older = (api_keys.c.id == cell.key_id) & (api_keys.c.last_used_at < tally.last)
        connection.execute(update(api_keys).where(is_older).values(last_used_at=tally.last))


def _to_row(cell: UsageKey, tally: RequestCounts) -> dict[str, str | int]:
    return {
        "user_id": cell.user_id,
        "key_id": cell.key_id,
        "hour": cell.hour,
        "requests": tally.requests,
        "refused": tally.refused,
        "failed": tally.failed,
    }
