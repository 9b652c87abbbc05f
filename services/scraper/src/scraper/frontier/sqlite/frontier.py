"""The frontier in one SQLite file (WAL) per source, for one process at a time.

A page waits in a run unless it is done in that run; a new run thus begins without touching any row. The
journal isn't synced per transaction: a power cut loses at most the last marks, and those pages are then
fetched and published again under the same event ids.
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from bookcore.domain.errors import Conflict
from bookcore.events.crawl import Action
from scraper.frontier import (
    REFUSALS,
    Bounds,
    Counts,
    Finished,
    Frontier,
    Kind,
    Known,
    Leased,
    Page,
    Renewed,
    Run,
    Standing,
    State,
)
from scraper.frontier.sqlite.file import SqliteFile, folder_of, lock_alone
from scraper.frontier.sqlite.leases import Leases
from scraper.frontier.sqlite.pacing import Pace
from scraper.frontier.sqlite.pending_pages import WaitingPages

_COLUMNS = "id, url, kind, depth, etag, last_modified, body, content_hash"
_Row = tuple[int, str, int, int, str | None, str | None, str | None, str | None]


class SqliteFrontier:
    """As Frontier; leases are in memory, so those of a killed process are free at once."""

    def __init__(
        self,
        path: Path,
        bounds: Bounds | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        unlock: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = SqliteFile(path)
        self._bounds = bounds or Bounds()
        self._clock = clock
        self._source = path.stem
        self._unlock = unlock
        self._pace = Pace(self._bounds.interval, clock)
        self._run = self._file.number("SELECT coalesce(max(number), 0) FROM runs")
        self._known = self._file.number("SELECT count(*) FROM pages")
        self._failed = self._stale = 0
        self._leases = self._new_leases(Counts())

    def begin(self, *, site: str, extractor: str, now: datetime, only_told: bool = False) -> Run:
        """As Frontier.begin."""
        with self._file.transaction() as db:
            self._refuse(db, only_told=only_told)
            last = db.execute(
                "SELECT site, extractor, finished, number, name, sequence, pages, books, published, unchanged"
                " FROM runs ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if last and last[:3] == (site, extractor, None):
                number, name, sequence, *counts = last[3:]
                self._leases = self._new_leases(Counts(*counts))
                return Run(number, name, True, sequence, Counts(*counts), name)  # noqa: FBT003 - resumed
            if last and last[0] != site:
                db.execute("DELETE FROM pages")
                self._known = 0
            elif last and last[1] != extractor:
                db.execute("UPDATE pages SET etag = NULL, last_modified = NULL, content_hash = NULL")
            self._run += 1
            name = f"{now:%Y%m%dT%H%M%SZ}-{self._run}"
            db.execute(
                "INSERT INTO runs (number, name, site, extractor, started) VALUES (?, ?, ?, ?, ?)",
                (self._run, name, site, extractor, now.isoformat()),
            )
        self._failed = 0
        self._leases = self._new_leases(Counts())
        return Run(self._run, name, resumed=False, sequence=0, counts=Counts(), ledger=name)

    def add(self, kind: Kind, urls: Sequence[str], *, depth: int) -> int:
        """As Frontier.add."""
        with self._file.transaction() as db:
            added = db.executemany(
                "INSERT OR IGNORE INTO pages (url, kind, depth) VALUES (?, ?, ?)",
                [(url, kind, depth) for url in urls],
            ).rowcount
            self._known += max(added, 0)
            self._leases.note_added()
        return max(added, 0)

    def lease(self, limit: int) -> Leased:
        """As Frontier.lease."""
        with self._file.reading() as db:
            over, mode = db.execute(
                "SELECT (SELECT finished FROM runs WHERE number = ?), (SELECT mode FROM fleet)", (self._run,)
            ).fetchone()
            if over:
                return Leased(State.OVER)
            if mode == "paused":
                return Leased(State.PAUSED)
            return self._leases.lease(limit)

    def renew(self, pages: Collection[Page]) -> Renewed:
        """As Frontier.renew."""
        with self._file.reading():
            return Renewed(self._leases.renew(pages), self._pace.hold)

    def finish_pages(self, finished: Sequence[Finished], *, sequence: int) -> int:
        """As Frontier.finish_pages."""
        with self._file.transaction() as db:
            mine = [each for each in finished if self._leases.owns(each.page)]
            forget = self._is_superseded(db)
            db.executemany(
                "UPDATE pages SET state = 'done', run = ?, reason = NULL, etag = ?, last_modified = ?,"
                " body = ?, content_hash = ? WHERE id = ?",
                [(self._run, *_columns(each, forget=forget), each.page.id) for each in mine],
            )
            counts = _count(mine)
            db.execute(
                "UPDATE runs SET sequence = ?, pages = pages + ?, books = books + ?,"
                " published = published + ?, unchanged = unchanged + ? WHERE number = ?",
                (sequence, counts.pages, counts.books, counts.published, counts.unchanged, self._run),
            )
        for each in mine:
            self._leases.let_go(each.page)
        self._stale += len(finished) - len(mine)
        return len(finished) - len(mine)

    def fail(self, page: Page, reason: str) -> None:
        """As Frontier.fail."""
        with self._file.transaction() as db:
            if not self._leases.owns(page):
                self._stale += 1
                return
            db.execute(
                "UPDATE pages SET state = 'failed', run = ?, reason = ? WHERE id = ?",
                (self._run, reason[:500], page.id),
            )
            self._leases.let_go(page)
            self._failed += 1

    def give_back(self, pages: Collection[Page]) -> None:
        """As Frontier.give_back."""
        with self._file.reading():
            self._leases.give_back(pages)

    def ask_host(self, *, hold: float = 0.0, delay: float | None = None, slot: bool = False) -> float:
        """As Frontier.ask_host."""
        with self._file.reading():
            if hold:
                self._pace.leave_alone(hold)
            if delay is not None:
                self._pace.slow_down(delay)
            return (self._pace.promise(1)[0] or 0.0) if slot else self._pace.wait

    def standing(self) -> Standing:
        """As Frontier.standing; failures are those of this process."""
        with self._file.reading() as db:
            counts = db.execute(
                "SELECT pages, books, published, unchanged FROM runs WHERE number = ?", (self._run,)
            ).fetchone()
            return Standing(
                Counts(*(counts or ())),
                self._known,
                self._leases.number,
                self._failed,
                self._stale,
                workers=1,
            )

    def failures(self) -> Sequence[tuple[str, str]]:
        """As Frontier.failures."""
        with self._file.reading() as db:
            return db.execute("SELECT url, reason FROM pages WHERE state = 'failed' ORDER BY id").fetchall()

    def end(self, *, now: datetime) -> bool:
        """As Frontier.end."""
        with self._file.transaction() as db:
            if not self._leases.is_drained():
                return False
            ended = db.execute(
                "UPDATE runs SET finished = ? WHERE number = ? AND finished IS NULL",
                (now.isoformat(), self._run),
            ).rowcount
            if ended:
                db.execute("UPDATE fleet SET mode = 'idle' WHERE mode = 'running'")
            return ended == 1

    def close(self) -> None:
        """As Frontier.close."""
        self._file.close()
        self._unlock()

    def _refuse(self, db: sqlite3.Connection, *, only_told: bool) -> None:
        mode = (db.execute("SELECT mode FROM fleet").fetchone() or ["idle"])[0]
        refusal = mode if mode == "paused" else "untold" if only_told and mode != "running" else None
        if refusal:
            raise Conflict(REFUSALS[refusal].format(source=self._source))

    def _is_superseded(self, db: sqlite3.Connection) -> bool:
        """A backfill ended the run: what its pages still say is forgotten too."""
        found = db.execute("SELECT finished FROM runs WHERE number = ?", (self._run,)).fetchone()
        return found is not None and found[0] == Action.BACKFILL

    def _new_leases(self, before: Counts) -> Leases:
        waiting = WaitingPages(self._waiting)
        return Leases(waiting, self._bounds, taken=before.pages, pace=self._pace, clock=self._clock)

    def _waiting(self, kind: Kind, after: int, limit: int) -> list[Page]:
        """Pages not done in this run, in the order of discovery, from behind the id `after` on."""
        with self._file.reading() as db:
            rows: list[_Row] = db.execute(
                f"SELECT {_COLUMNS} FROM pages INDEXED BY pages_by_kind"  # noqa: S608 - a constant
                " WHERE kind = ? AND id > ? AND NOT (run = ? AND state = 'done') ORDER BY id LIMIT ?",
                (kind, after, self._run, limit),
            ).fetchall()
        return [_page(row) for row in rows]


def open_frontier(url: str, source: str, bounds: Bounds) -> Frontier:
    """Raises: Conflict when another process has it, Unavailable when the file can't be used."""
    folder = folder_of(url)
    unlock = lock_alone(folder / f"{source}.lock", "another crawl holds {path}; wait for it or stop it")
    try:
        return SqliteFrontier(folder / f"{source}.db", bounds, unlock=unlock)
    except BaseException:
        unlock()
        raise


def _page(row: _Row) -> Page:
    number, url, kind, depth, *known = row
    return Page(number, url, Kind(kind), depth, Known(*known))


def _columns(each: Finished, *, forget: bool) -> tuple[str | None, ...]:
    known = each.known or each.page.known
    if forget:
        return None, None, known.body, None
    return known.etag, known.last_modified, known.body, known.content_hash


def _count(finished: Sequence[Finished]) -> Counts:
    books = [each for each in finished if each.page.kind is Kind.BOOK]
    published = sum(each.published for each in books)
    return Counts(len(finished), len(books), published, len(books) - published)
