"""How many requests of each user count against the plan, by day and by month: one row each.

What is refused (4xx) doesn't count: nobody pays for being told to wait.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from gateway.accounts.periods import LONGEST_MONTH_SECONDS, NAMES, Period, get_period
from gateway.accounts.tables import usage_totals

_SOME = 500


def add_totals(connection: Connection, counted: Iterable[tuple[str, int, int]]) -> None:
    """Add requests by user and moment, in the caller's transaction; drops what is over for a month."""
    spans: Counter[tuple[str, Period]] = Counter()
    for user_id, at, requests in counted:
        for name in NAMES:
            spans[user_id, get_period(name, at)] += requests
    for (user_id, span), requests in sorted(spans.items()):  # in one order, against deadlocks
        _add_period(connection, user_id, span, requests)
    if spans:
        oldest = max(span.start for _, span in spans) - 2 * LONGEST_MONTH_SECONDS
        connection.execute(delete(usage_totals).where(usage_totals.c.start < oldest))


def read_totals(connection: Connection, users: Iterable[str], *, at: int) -> Mapping[tuple[str, str], int]:
    """By user and name of the period that the moment is in; without those who asked for nothing."""
    columns, wanted = usage_totals.c, sorted(set(users))
    spans = [get_period(name, at) for name in NAMES]
    found: dict[tuple[str, str], int] = {}
    for begin in range(0, len(wanted), _SOME):
        some = columns.user_id.in_(wanted[begin : begin + _SOME])
        for span in spans:
            is_span = (columns.period == span.name) & (columns.start == span.start)
            for row in connection.execute(select(usage_totals).where(some, is_span)):
                found[row.user_id, row.period] = row.requests
    return found


def _add_period(connection: Connection, user_id: str, span: Period, requests: int) -> None:
    columns = usage_totals.c
    is_it = (columns.user_id == user_id) & (columns.period == span.name) & (columns.start == span.start)
    more = update(usage_totals).where(is_it).values(requests=columns.requests + requests)
    if connection.execute(more).rowcount == 0:
        row = {"user_id": user_id, "period": span.name, "start": span.start, "requests": requests}
        connection.execute(insert(usage_totals).values(**row))
