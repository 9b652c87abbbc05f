"""Point-in-time joins: for each (book, moment) the state that was available at that moment, and nothing
later.

Of the rows available at the moment, the one with the latest event time wins. A row that is older than one
available before it can never win, so those are dropped first; the rest is ordered by both times, and one ASOF
join by `available_at` is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

_CURRENT = """
    SELECT * FROM (
        SELECT *, max(event_time) OVER (
            PARTITION BY id ORDER BY available_at, event_time ROWS UNBOUNDED PRECEDING
        ) AS latest FROM {history}
    ) WHERE event_time = latest
"""
_JOIN = """
    SELECT entities.*, now.* EXCLUDE (id, latest)
    FROM {entities} AS entities
    ASOF LEFT JOIN ({current}) AS now
    ON entities.id = now.id AND entities.moment >= now.available_at
"""


@dataclass(frozen=True, slots=True)
class PointInTime:
    """A book and a moment (microseconds since 1970)."""

    id: str
    moment: int


def join_history(
    duck: duckdb.DuckDBPyConnection, *, entities: str = "entities", history: str = "history"
) -> duckdb.DuckDBPyRelation:
    """Join each row of `entities` (id, moment) with the state available then; nulls where there was none."""
    current = _CURRENT.format(history=history)
    return duck.sql(_JOIN.format(entities=entities, current=current))


def read_known_at(
    duck: duckdb.DuckDBPyConnection, entities: Sequence[PointInTime]
) -> list[tuple[object, ...]]:
    """(id, moment, price, deleted) for each entity, in the order given."""
    duck.execute("CREATE OR REPLACE TEMP TABLE entities (place INTEGER, id VARCHAR, moment BIGINT)")
    duck.executemany(
        "INSERT INTO entities VALUES (?, ?, ?)", [[at, e.id, e.moment] for at, e in enumerate(entities)]
    )
    joined = join_history(duck)
    return joined.order("place").project("id, moment, price, deleted").fetchall()
