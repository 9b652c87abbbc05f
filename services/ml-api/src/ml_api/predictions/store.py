"""The table of predictions, on SQLite or PostgreSQL."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.exc import SQLAlchemyError

from bookcore.domain.errors import Unavailable
from bookcore.sql import create_tables, open_engine
from bookml.online import StoredFacts
from ml_api.predictions.evidence import BoundedMean, PairedErrors
from ml_api.predictions.tables import OBSERVED, metadata, predictions

PredictionRow = dict[str, Any]  # Any: a row holds every column type
SHADOW, SHADOW_SUFFIX = "shadow", "-s"
"""Variant of a prediction that is recorded but not returned, and the suffix of its id."""
_CHUNK = 400
_GIVEN = tuple(c.name for c in predictions.columns if c.name not in OBSERVED)
_SQLITE_INSERT = (
    f"INSERT INTO {predictions.name} ({', '.join(_GIVEN)})"  # noqa: S608 - names of our own
    f" VALUES ({', '.join('?' * len(_GIVEN))}) ON CONFLICT DO NOTHING"
)
"""Plain SQL: SQLAlchemy would process every value of every row."""
_NEWEST = 2_000


@dataclass(frozen=True, slots=True)
class ExperimentArm:
    """Counts and errors of one variant of one version; errors of observed prices only."""

    variant: str
    version: int
    predictions: int
    subjects: int
    observed: int
    squared: float
    inside: int

    @property
    def rmsle(self) -> float | None:
        """None without an observed price."""
        return math.sqrt(self.squared / self.observed) if self.observed else None

    @property
    def coverage(self) -> float | None:
        """None without an observed price."""
        return self.inside / self.observed if self.observed else None


class PredictionStore:
    """Safe for several threads and processes."""

    def __init__(self, url: str) -> None:
        """Creates the table if it is missing. Raises: Unavailable."""
        self._engine = open_engine(url)
        self._writing = self._engine.execution_options(writes=True)
        with _translate_errors():
            create_tables(self._engine, metadata)

    def add(self, rows: Sequence[PredictionRow]) -> None:
        """Idempotent by id. Raises: Unavailable."""
        with self._begin_write() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql(
                    _SQLITE_INSERT, [tuple(map(row.__getitem__, _GIVEN)) for row in rows]
                )
            else:
                connection.execute(postgresql_insert(predictions).on_conflict_do_nothing(), list(rows))

    def get(self, prediction_id: str) -> PredictionRow | None:
        """The row by id, or None."""
        with self._begin_read() as connection:
            result = connection.execute(select(predictions).where(predictions.c.id == prediction_id))
            row = result.mappings().first()
        return None if row is None else dict(row)

    def observe(self, books: Sequence[StoredFacts]) -> int:
        """Record observed prices for earlier predictions; the number of updated rows."""
        existing = {book.id: book for book in books if book.facts is not None}
        updated = 0
        ids = sorted(existing)
        with self._begin_write() as connection:
            for first in range(0, len(ids), _CHUNK):
                updated += sum(
                    _record_true_price(connection, row, existing)
                    for row in _select_unobserved(connection, ids[first : first + _CHUNK])
                )
        return updated

    def read_arms(self, model: str) -> list[ExperimentArm]:
        """Arms by variant and version, the most used first."""
        c = predictions.c
        query = (
            select(
                c.variant,
                c.version,
                func.count(),
                func.count(func.distinct(c.subject)),
                func.count(c.observed_at),
                func.coalesce(func.sum(c.log_error * c.log_error), 0.0),
                func.count().filter(c.inside),
            )
            .where(c.model == model)
            .group_by(c.variant, c.version)
            .order_by(func.count().desc(), c.version)
        )
        with self._begin_read() as connection:
            return [ExperimentArm(*row) for row in connection.execute(query)]

    def read_pairs(self, model: str, versions: tuple[int, int], *, since: int) -> PairedErrors:
        """Paired errors of champion and challenger: predictions and shadows since then with an observed
        price."""
        returned, shadow = predictions.alias("returned"), predictions.alias("shadow")
        champion, challenger = versions
        is_challenger = returned.c.version == challenger
        square, other = (each.c.log_error * each.c.log_error for each in (returned, shadow))
        worse = case((is_challenger, square - other), else_=other - square)
        inside = case((is_challenger, returned.c.inside), else_=shadow.c.inside)
        query = (
            select(
                func.count(),
                func.coalesce(func.sum(worse), 0.0),
                func.coalesce(func.sum(worse * worse), 0.0),
                func.count().filter(inside),
            )
            .select_from(returned.join(shadow, shadow.c.id == returned.c.id + SHADOW_SUFFIX))
            .where(returned.c.model == model, shadow.c.variant == SHADOW, returned.c.made_at >= since)
            .where(returned.c.observed_at.is_not(None), shadow.c.observed_at.is_not(None))
            .where(
                or_(
                    and_(is_challenger, shadow.c.version == champion),
                    and_(returned.c.version == champion, shadow.c.version == challenger),
                )
            )
        )
        with self._begin_read() as connection:
            count, total, squares, inside_count = connection.execute(query).one()
        return PairedErrors(
            BoundedMean(count, total, squares), BoundedMean(count, inside_count, inside_count)
        )

    def read_latencies(self, model: str, version: int, *, since: int) -> list[float]:
        """Latencies of the challenger's newest predictions since that microsecond, in milliseconds."""
        c = predictions.c
        query = (
            select(c.milliseconds)
            .where(c.model == model, c.variant == "challenger", c.version == version, c.made_at >= since)
            .order_by(c.made_at.desc())
            .limit(_NEWEST)
        )
        with self._begin_read() as connection:
            return [float(value) for value in connection.execute(query).scalars()]

    def close(self) -> None:
        """Close connections."""
        self._engine.dispose()

    @contextmanager
    def _begin_read(self) -> Iterator[Connection]:
        with _translate_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _begin_write(self) -> Iterator[Connection]:
        with _translate_errors(), self._writing.begin() as connection:
            yield connection


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"the table of predictions is unavailable ({type(error).__name__})") from error


def _select_unobserved(connection: Connection, ids: Sequence[str]) -> Sequence[Any]:
    c = predictions.c
    return connection.execute(select(predictions).where(c.book_id.in_(ids), c.observed_at.is_(None))).all()


def _record_true_price(connection: Connection, row: Any, books: dict[str, StoredFacts]) -> bool:
    """Skips prices that were observed before the prediction, and prices in another currency."""
    book = books[row.book_id]
    if book.version <= row.made_at or book.currency != row.currency:
        return False
    observed, predicted = float(book.price), float(row.price)
    connection.execute(
        update(predictions)
        .where(predictions.c.id == row.id)
        .values(
            true_price=book.price,
            observed_at=book.version,
            log_error=math.log1p(predicted) - math.log1p(observed),
            inside=float(row.low) <= observed <= float(row.high),
        )
    )
    return True
