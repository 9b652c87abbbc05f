"""Runs of sources as their reports tell, and the pauses of sources.

Inside the caller's transaction; idempotent by source, run and the time of the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from bookcore.catalogue.beside_the_lake import advance_offset
from bookcore.catalogue.tables import books, crawl_runs, source_pauses
from bookcore.events.crawl import RunOutcome, RunReported
from bookcore.events.topics import RUN


@dataclass(frozen=True, slots=True)
class RunKey:
    """The place of a run in the list of its source, the newest first."""

    started_at: datetime
    run: str


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """What the catalogue knows of a source. `books`: those that it offers now; `paused_at`: since when most
    of its records are rejected, None for a source that isn't paused."""

    name: str
    books: int
    last_run: RunReported | None = None
    last_complete: RunReported | None = None
    paused_at: datetime | None = None


def record_reports(
    connection: Connection, reports: Sequence[RunReported], *, partition: int, end: int
) -> None:
    """Keep the newest report of each run, and the offset after them; a run that has ended stays ended."""
    advance_offset(connection, RUN.name, partition, end)
    for report in reports:
        here = (crawl_runs.c.source == report.source) & (crawl_runs.c.run == report.run)
        values = {**report.model_dump(), "kind": report.kind.value, "outcome": report.outcome.value}
        stored = connection.execute(
            select(crawl_runs.c.outcome, crawl_runs.c.reported_at).where(here)
        ).one_or_none()
        if stored is None:
            connection.execute(insert(crawl_runs).values(values))
        elif not RunOutcome(stored.outcome).is_final and stored.reported_at < report.reported_at:
            connection.execute(update(crawl_runs).where(here).values(values))


def record_pause(connection: Connection, source: str, *, at: datetime | None) -> None:
    """`at` None ends the pause."""
    connection.execute(delete(source_pauses).where(source_pauses.c.source == source))
    if at is not None:
        connection.execute(insert(source_pauses).values(source=source, paused_at=at))


def list_sources(connection: Connection) -> Sequence[SourceOverview]:
    """Every source that has runs or books, in alphabetical order."""
    counted = select(books.c.source, func.count()).where(books.c.deleted.is_(False)).group_by(books.c.source)
    held: Mapping[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    newest, complete = _read_newest(connection), _read_newest(connection, RunOutcome.COMPLETE)
    paused = {row.source: row.paused_at for row in connection.execute(select(source_pauses))}
    return [
        SourceOverview(name, held.get(name, 0), newest.get(name), complete.get(name), paused.get(name))
        for name in sorted({*held, *newest, *paused})
    ]


def list_complete_runs(connection: Connection) -> Sequence[RunReported]:
    """The last complete run of each source that has one."""
    return list(_read_newest(connection, RunOutcome.COMPLETE).values())


def has_source(connection: Connection, name: str) -> bool:
    """Whether the source has a run or a book."""
    run = select(crawl_runs.c.run).where(crawl_runs.c.source == name).limit(1)
    book = select(books.c.id).where(books.c.id > f"{name}:", books.c.id < f"{name};").limit(1)
    return any(connection.execute(query).first() for query in (run, book))


def list_runs(
    connection: Connection, source: str, *, after: RunKey | None, limit: int
) -> tuple[Sequence[RunReported], RunKey | None]:
    """A page of the source's runs, the newest first, and where the next one begins; None on the last."""
    order = (crawl_runs.c.started_at, crawl_runs.c.run)
    query = select(crawl_runs).where(crawl_runs.c.source == source)
    if after is not None:
        same = (crawl_runs.c.started_at == after.started_at) & (crawl_runs.c.run < after.run)
        query = query.where(or_(crawl_runs.c.started_at < after.started_at, same))
    query = query.order_by(*(column.desc() for column in order)).limit(limit + 1)
    found = [RunReported.model_validate(dict(row)) for row in connection.execute(query).mappings()]
    page = found[:limit]
    return page, RunKey(page[-1].started_at, page[-1].run) if len(found) > limit else None


def _read_newest(connection: Connection, *outcomes: RunOutcome) -> Mapping[str, RunReported]:
    place = func.row_number().over(
        partition_by=crawl_runs.c.source, order_by=(crawl_runs.c.started_at.desc(), crawl_runs.c.run.desc())
    )
    query = select(crawl_runs, place.label("place"))
    if outcomes:
        query = query.where(crawl_runs.c.outcome.in_([each.value for each in outcomes]))
    ranked = query.subquery()
    rows = connection.execute(
        select(*(ranked.c[column.name] for column in crawl_runs.c)).where(ranked.c.place == 1)
    )
    return {row["source"]: RunReported.model_validate(dict(row)) for row in rows.mappings()}
