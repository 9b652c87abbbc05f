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
    BEGIN_CONFLICTS,
    CrawlLimits,
    CrawlRun,
    FinishedPage,
    Frontier,
    LeaseBatch,
    LeaseRenewal,
    Page,
    PageKind,
    PageSnapshot,
    RunCounts,
    RunState,
    RunStatus,
)
from scraper.frontier.sqlite.file import FrontierFile, lock_exclusively, parse_folder
from scraper.frontier.sqlite.leases import InMemoryLeases
from scraper.frontier.sqlite.pacing import HostPace
from scraper.frontier.sqlite.pending_pages import PendingPages

_COLUMNS = "id, url, kind, depth, etag, last_modified, body, content_hash"
_Row = tuple[int, str, int, int, str | None, str | None, str | None, str | None]


class SqliteFrontier:
    """As Frontier; leases are in memory, so those of a killed process are free at once."""

    def __init__(
        self,
        path: Path,
        bounds: CrawlLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        unlock: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = FrontierFile(path)
        self._bounds = bounds or CrawlLimits()
        self._clock = clock
        self._source = path.stem
        self._unlock = unlock
        self._pace = HostPace(self._bounds.request_interval, clock)
        self._run = self._file.read_number("SELECT coalesce(max(number), 0) FROM runs")
        self._discovered = self._file.read_number("SELECT count(*) FROM pages")
        self._failed = self._stale = 0
        self._leases = self._create_leases(RunCounts())

    def begin_run(
        self, *, site: str, extractor: str, now: datetime, only_if_running: bool = False
    ) -> CrawlRun:
        """As Frontier.begin."""
        with self._file.begin_transaction() as db:
            self._check_mode(db, only_told=only_if_running)
            last = db.execute(
                "SELECT site, extractor, finished, number, name, sequence, pages, books, published, unchanged"
                " FROM runs ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if last and last[:3] == (site, extractor, None):
                number, name, sequence, *counts = last[3:]
                self._leases = self._create_leases(RunCounts(*counts))
                return CrawlRun(number, name, True, sequence, RunCounts(*counts), name)  # noqa: FBT003 - resumed
            if last and last[0] != site:
                db.execute("DELETE FROM pages")
                self._discovered = 0
            elif last and last[1] != extractor:
                db.execute("UPDATE pages SET etag = NULL, last_modified = NULL, content_hash = NULL")
            self._run += 1
            name = f"{now:%Y%m%dT%H%M%SZ}-{self._run}"
            db.execute(
                "INSERT INTO runs (number, name, site, extractor, started) VALUES (?, ?, ?, ?, ?)",
                (self._run, name, site, extractor, now.isoformat()),
            )
        self._failed = 0
        self._leases = self._create_leases(RunCounts())
        return CrawlRun(
            self._run, name, is_resumed=False, next_segment=0, counts=RunCounts(), ledger_name=name
        )

    def add_pages(self, kind: PageKind, urls: Sequence[str], *, depth: int) -> int:
        """As Frontier.add."""
        with self._file.begin_transaction() as db:
            added = db.executemany(
                "INSERT OR IGNORE INTO pages (url, kind, depth) VALUES (?, ?, ?)",
                [(url, kind, depth) for url in urls],
            ).rowcount
            self._discovered += max(added, 0)
            self._leases.mark_pages_added()
        return max(added, 0)

    def lease_pages(self, limit: int) -> LeaseBatch:
        """As Frontier.lease."""
        with self._file.lock_connection() as db:
            over, mode = db.execute(
                "SELECT (SELECT finished FROM runs WHERE number = ?), (SELECT mode FROM fleet)", (self._run,)
            ).fetchone()
            if over:
                return LeaseBatch(RunState.FINISHED)
            if mode == "paused":
                return LeaseBatch(RunState.PAUSED)
            return self._leases.lease_pages(limit)

    def renew_leases(self, pages: Collection[Page]) -> LeaseRenewal:
        """As Frontier.renew."""
        with self._file.lock_connection():
            return LeaseRenewal(self._leases.renew_leases(pages), self._pace.hold_seconds)

    def finish_pages(self, finished: Sequence[FinishedPage], *, next_segment: int) -> int:
        """As Frontier.finish_pages."""
        with self._file.begin_transaction() as db:
            mine = [each for each in finished if self._leases.owns(each.page)]
            forget = self._is_superseded(db)
            db.executemany(
                "UPDATE pages SET state = 'done', run = ?, reason = NULL, etag = ?, last_modified = ?,"
                " body = ?, content_hash = ? WHERE id = ?",
                [(self._run, *_build_columns(each, forget=forget), each.page.id) for each in mine],
            )
            counts = _count_pages(mine)
            db.execute(
                "UPDATE runs SET sequence = ?, pages = pages + ?, books = books + ?,"
                " published = published + ?, unchanged = unchanged + ? WHERE number = ?",
                (next_segment, counts.pages, counts.books, counts.published, counts.unchanged, self._run),
            )
        for each in mine:
            self._leases.remove_lease(each.page)
        self._stale += len(finished) - len(mine)
        return len(finished) - len(mine)

    def fail_page(self, page: Page, reason: str) -> None:
        """As Frontier.fail."""
        with self._file.begin_transaction() as db:
            if not self._leases.owns(page):
                self._stale += 1
                return
            db.execute(
                "UPDATE pages SET state = 'failed', run = ?, reason = ? WHERE id = ?",
                (self._run, reason[:500], page.id),
            )
            self._leases.remove_lease(page)
            self._failed += 1

    def release_pages(self, pages: Collection[Page]) -> None:
        """As Frontier.give_back."""
        with self._file.lock_connection():
            self._leases.release_pages(pages)

    def ask_host(self, *, hold: float = 0.0, delay: float | None = None, slot: bool = False) -> float:
        """As Frontier.ask_host."""
        with self._file.lock_connection():
            if hold:
                self._pace.hold_host(hold)
            if delay is not None:
                self._pace.set_crawl_delay(delay)
            return (self._pace.reserve_slots(1)[0] or 0.0) if slot else self._pace.wait_seconds

    def read_status(self) -> RunStatus:
        """As Frontier.standing; failures are those of this process."""
        with self._file.lock_connection() as db:
            counts = db.execute(
                "SELECT pages, books, published, unchanged FROM runs WHERE number = ?", (self._run,)
            ).fetchone()
            return RunStatus(
                RunCounts(*(counts or ())),
                self._discovered,
                self._leases.count,
                self._failed,
                self._stale,
                workers=1,
            )

    def list_failures(self) -> Sequence[tuple[str, str]]:
        """As Frontier.failures."""
        with self._file.lock_connection() as db:
            return db.execute("SELECT url, reason FROM pages WHERE state = 'failed' ORDER BY id").fetchall()

    def finish_run(self, *, now: datetime) -> bool:
        """As Frontier.end."""
        with self._file.begin_transaction() as db:
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

    def _check_mode(self, db: sqlite3.Connection, *, only_told: bool) -> None:
        mode = (db.execute("SELECT mode FROM fleet").fetchone() or ["idle"])[0]
        refusal = mode if mode == "paused" else "untold" if only_told and mode != "running" else None
        if refusal:
            raise Conflict(BEGIN_CONFLICTS[refusal].format(source=self._source))

    def _is_superseded(self, db: sqlite3.Connection) -> bool:
        """A backfill ended the run: what its pages still say is forgotten too."""
        found = db.execute("SELECT finished FROM runs WHERE number = ?", (self._run,)).fetchone()
        return found is not None and found[0] == Action.BACKFILL

    def _create_leases(self, counts: RunCounts) -> InMemoryLeases:
        waiting = PendingPages(self._read_pending)
        return InMemoryLeases(
            waiting, self._bounds, handed_out=counts.pages, pace=self._pace, clock=self._clock
        )

    def _read_pending(self, kind: PageKind, after: int, limit: int) -> list[Page]:
        """Pages not done in this run, in the order of discovery, from behind the id `after` on."""
        with self._file.lock_connection() as db:
            rows: list[_Row] = db.execute(
                f"SELECT {_COLUMNS} FROM pages INDEXED BY pages_by_kind"  # noqa: S608 - a constant
                " WHERE kind = ? AND id > ? AND NOT (run = ? AND state = 'done') ORDER BY id LIMIT ?",
                (kind, after, self._run, limit),
            ).fetchall()
        return [_parse_row(row) for row in rows]


def open_frontier(url: str, source: str, bounds: CrawlLimits) -> Frontier:
    """Raises: Conflict when another process has it, Unavailable when the file can't be used."""
    folder = parse_folder(url)
    unlock = lock_exclusively(folder / f"{source}.lock", "another crawl holds {path}; wait for it or stop it")
    try:
        return SqliteFrontier(folder / f"{source}.db", bounds, unlock=unlock)
    except BaseException:
        unlock()
        raise


def _parse_row(row: _Row) -> Page:
    number, url, kind, depth, *known = row
    return Page(number, url, PageKind(kind), depth, PageSnapshot(*known))


def _build_columns(each: FinishedPage, *, forget: bool) -> tuple[str | None, ...]:
    known = each.snapshot or each.page.snapshot
    if forget:
        return None, None, known.body_key, None
    return known.etag, known.last_modified, known.body_key, known.content_hash


def _count_pages(finished: Sequence[FinishedPage]) -> RunCounts:
    books = [each for each in finished if each.page.kind is PageKind.BOOK]
    published = sum(each.is_published for each in books)
    return RunCounts(len(finished), len(books), published, len(books) - published)
