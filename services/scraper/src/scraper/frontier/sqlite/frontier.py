"""Frontier in one SQLite file (WAL) per source, for one process at a time.

A page is queued in a run unless it is done in that run, so a new run begins without touching any row. The
journal isn't synced per transaction: a power cut loses at most the last marks, and those pages are fetched
and published again under the same event ids.
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple
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
    format_run_start,
)
from scraper.frontier.closing import RunClosing
from scraper.frontier.sqlite.closing import forget_pages, mark_listed, mark_missing, read_closing
from scraper.frontier.sqlite.file import COUNTS, FrontierFile, lock_exclusively, parse_folder
from scraper.frontier.sqlite.leases import InMemoryLeases
from scraper.frontier.sqlite.pacing import HostPace
from scraper.frontier.sqlite.pending_pages import PendingPages

_COLUMNS = "id, url, kind, depth, etag, last_modified, body, content_hash"
_CONFLICT = (
    "{source} is being crawled: another crawl holds {{path}}; wait until it has ended, or stop it with"
    " Ctrl-C, or with `bookstream fleet stop {source}` when a schedule began it"
)
_Row = tuple[int, str, int, int, str | None, str | None, str | None, str | None]


class SqliteFrontier:
    """Frontier of one process. Leases are in memory, so those of a killed process are free at once."""

    def __init__(
        self,
        path: Path,
        limits: CrawlLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        unlock: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = FrontierFile(path)
        self._limits = limits or CrawlLimits()
        self._clock = clock
        self._source = path.stem
        self._unlock = unlock
        self._pace = HostPace(self._limits.request_interval, clock)
        self._run = self._file.read_number("SELECT coalesce(max(number), 0) FROM runs")
        self._discovered = self._file.read_number("SELECT count(*) FROM pages")
        self._failed = self._stale = 0
        self._leases = self._create_leases(RunCounts())

    def begin_run(
        self, *, site: str, extractor: str, now: datetime, only_if_running: bool = False
    ) -> CrawlRun:
        with self._file.begin_transaction() as db:
            self._check_mode(db, only_if_running=only_if_running)
            last = db.execute(
                f"SELECT site, extractor, finished, number, name, sequence, {COUNTS}"  # noqa: S608 - a constant
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
            name = f"{format_run_start(now)}-{self._run}"
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
        with self._file.begin_transaction() as db:
            added = db.executemany(
                "INSERT OR IGNORE INTO pages (url, kind, depth, listed) VALUES (?, ?, ?, ?)",
                [(url, kind, depth, self._run) for url in urls],
            ).rowcount
            if added < len(urls):
                mark_listed(db, urls, self._run)
            self._discovered += max(added, 0)
            self._leases.mark_pages_added()
        return max(added, 0)

    def lease_pages(self, limit: int) -> LeaseBatch:
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
        with self._file.lock_connection():
            return LeaseRenewal(self._leases.renew_leases(pages), self._pace.hold_seconds)

    def finish_pages(self, finished: Sequence[FinishedPage], *, next_segment: int) -> int:
        with self._file.begin_transaction() as db:
            mine = [item for item in finished if self._leases.owns(item.page)]
            is_superseded = self._is_superseded(db)
            db.executemany(
                "UPDATE pages SET state = 'done', run = ?, reason = NULL, missing = 0, etag = ?,"
                " last_modified = ?, body = ?, content_hash = ? WHERE id = ?",
                [
                    (self._run, *_build_columns(item, discards_snapshot=is_superseded), item.page.id)
                    for item in mine
                ],
            )
            counts = _count_pages(mine)
            db.execute(
                "UPDATE runs SET sequence = ?, closing = NULL, pages = pages + ?, books = books + ?,"
                " published = published + ?, unchanged = unchanged + ?, remarks = remarks + ?,"
                " refused = refused + ? WHERE number = ?",
                (next_segment, *astuple(counts), self._run),
            )
        for item in mine:
            self._leases.remove_lease(item.page)
        self._stale += len(finished) - len(mine)
        return len(finished) - len(mine)

    def fail_page(self, page: Page, reason: str, *, is_missing: bool = False) -> None:
        with self._file.begin_transaction() as db:
            if not self._leases.owns(page):
                self._stale += 1
                return
            db.execute(
                "UPDATE pages SET state = 'failed', run = ?, reason = ? WHERE id = ?",
                (self._run, reason[:500], page.id),
            )
            if is_missing:
                mark_missing(db, page.id, self._run)
            self._leases.remove_lease(page)
            self._failed += 1

    def release_pages(self, pages: Collection[Page]) -> None:
        with self._file.lock_connection():
            self._leases.release_pages(pages)

    def hold_host(self, seconds: float) -> None:
        with self._file.lock_connection():
            self._pace.hold_host(seconds)

    def set_crawl_delay(self, seconds: float) -> None:
        with self._file.lock_connection():
            self._pace.set_crawl_delay(seconds)

    def reserve_slot(self) -> float:
        with self._file.lock_connection():
            return self._pace.reserve_slots(1)[0] or 0.0

    def read_status(self) -> RunStatus:
        """Failures are those of this process."""
        with self._file.lock_connection() as db:
            counts = db.execute(
                f"SELECT {COUNTS} FROM runs WHERE number = ?",  # noqa: S608 - a constant
                (self._run,),
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
        with self._file.lock_connection() as db:
            return db.execute("SELECT url, reason FROM pages WHERE state = 'failed' ORDER BY id").fetchall()

    def read_site(self) -> str | None:
        with self._file.lock_connection() as db:
            last = db.execute("SELECT site FROM runs ORDER BY number DESC LIMIT 1").fetchone()
        return None if last is None else str(last[0])

    def close_run(self, *, now: datetime, is_limited: bool) -> RunClosing | None:
        with self._file.begin_transaction() as db:
            if not self._leases.is_drained():
                return None
            return read_closing(db, self._run, now=now, is_limited=is_limited)

    def finish_run(self, *, now: datetime, closing: RunClosing | None = None) -> bool:
        with self._file.begin_transaction() as db:
            if not self._leases.is_drained():
                return False
            if closing:
                self._discovered -= forget_pages(db, self._run, closing)
            ended = db.execute(
                "UPDATE runs SET finished = ? WHERE number = ? AND finished IS NULL",
                (now.isoformat(), self._run),
            ).rowcount
            if ended:
                db.execute("UPDATE fleet SET mode = 'idle' WHERE mode = 'running'")
            return ended == 1

    def close(self) -> None:
        self._file.close()
        self._unlock()

    def _check_mode(self, db: sqlite3.Connection, *, only_if_running: bool) -> None:
        mode = (db.execute("SELECT mode FROM fleet").fetchone() or ["idle"])[0]
        refusal = (
            mode if mode == "paused" else "uncommanded" if only_if_running and mode != "running" else None
        )
        if refusal:
            raise Conflict(BEGIN_CONFLICTS[refusal].format(source=self._source))

    def _is_superseded(self, db: sqlite3.Connection) -> bool:
        """Whether a backfill ended the run; snapshots of its late pages are discarded too."""
        row = db.execute("SELECT finished FROM runs WHERE number = ?", (self._run,)).fetchone()
        return row is not None and row[0] == Action.BACKFILL

    def _create_leases(self, counts: RunCounts) -> InMemoryLeases:
        waiting = PendingPages(self._read_pending)
        return InMemoryLeases(
            waiting, self._limits, handed_out=counts.pages, pace=self._pace, clock=self._clock
        )

    def _read_pending(self, kind: PageKind, after: int, limit: int) -> list[Page]:
        """Pages not done in this run whose id is greater than `after`, in the order of discovery."""
        with self._file.lock_connection() as db:
            rows: list[_Row] = db.execute(
                f"SELECT {_COLUMNS} FROM pages INDEXED BY pages_by_kind"  # noqa: S608 - a constant
                " WHERE kind = ? AND id > ? AND NOT (run = ? AND state = 'done') ORDER BY id LIMIT ?",
                (kind, after, self._run, limit),
            ).fetchall()
        return [_parse_row(row) for row in rows]


def open_frontier(url: str, source: str, limits: CrawlLimits) -> Frontier:
    """Raises: Conflict when another process has it, Unavailable when the file can't be used."""
    folder = parse_folder(url)
    unlock = lock_exclusively(folder / f"{source}.lock", _CONFLICT.format(source=source))
    try:
        return SqliteFrontier(folder / f"{source}.db", limits, unlock=unlock)
    except BaseException:
        unlock()
        raise


def _parse_row(row: _Row) -> Page:
    number, url, kind, depth, *known = row
    return Page(number, url, PageKind(kind), depth, PageSnapshot(*known))


def _build_columns(item: FinishedPage, *, discards_snapshot: bool) -> tuple[str | None, ...]:
    snapshot = item.snapshot or item.page.snapshot
    if discards_snapshot:
        return None, None, snapshot.body_key, None
    return snapshot.etag, snapshot.last_modified, snapshot.body_key, snapshot.content_hash


def _count_pages(finished: Sequence[FinishedPage]) -> RunCounts:
    books = sum(item.books for item in finished)
    published = sum(item.books for item in finished if item.is_published)
    return RunCounts(
        len(finished),
        books,
        published,
        books - published,
        remarks=sum(item.remarks for item in finished),
        refused=sum(item.refused for item in finished),
    )
