"""Fleet control of one worker, in the SQLite files of its frontier."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bookcore.domain.book import from_version, to_version
from bookcore.events.crawl import Action, CrawlCommand
from scraper.fleet.control import FleetControl, SourceMode, SourceState
from scraper.frontier import RunCounts, RunStatus, parse_run_start
from scraper.frontier.sqlite.file import COUNTS, FrontierFile, lock_exclusively, parse_folder

_WORKER_CONFLICT = (
    "another fleet worker holds {path}: this frontier serves one;"
    " set BOOKSTREAM_FRONTIER_URL=redis://host:port/0 for several"
)
_FORGET = "UPDATE pages SET etag = NULL, last_modified = NULL, content_hash = NULL"
_FINISH_EARLY = "UPDATE runs SET finished = ? WHERE finished IS NULL"
_TRANSITIONS = {
    (Action.PAUSE, SourceMode.RUNNING): SourceMode.PAUSED,
    (Action.RESUME, SourceMode.PAUSED): SourceMode.RUNNING,
}


class SqliteFleetControl:
    """Writes the file of each source, which a crawl in another process reads."""

    def __init__(self, folder: Path, unlock: Callable[[], None]) -> None:
        self._folder = folder
        self._unlock = unlock
        self._files: dict[str, FrontierFile] = {}

    def apply(self, command: CrawlCommand) -> bool:
        with self._open_file(command.source).begin_transaction() as db:
            new = db.execute("INSERT OR IGNORE INTO commands VALUES (?)", (command.command_id,)).rowcount
            if new:
                _apply_action(db, command)
        return new == 1

    def claim_run(self, source: str, *, due: datetime, now: datetime) -> bool:
        with self._open_file(source).begin_transaction() as db:
            mode, _ = _read_mode(db)
            claimed, _ = _read_begins(db)
            if mode in (SourceMode.RUNNING, SourceMode.PAUSED) or (claimed is not None and claimed >= due):
                return False
            db.execute(
                "INSERT OR REPLACE INTO fleet (only, mode, claimed) VALUES (1, ?, ?)",
                (SourceMode.RUNNING, to_version(now)),
            )
        return True

    def read_source(self, source: str) -> SourceState:
        """Pages that a running crawl has leased count as queued."""
        with self._open_file(source).lock_connection() as db:
            mode, url = _read_mode(db)
            begins = [moment for moment in _read_begins(db) if moment]
            run = db.execute(
                f"SELECT number, {COUNTS} FROM runs ORDER BY number DESC LIMIT 1"  # noqa: S608 - a constant
            ).fetchone() or (0,)
            known, failed = db.execute(
                "SELECT count(*), count(*) FILTER (WHERE state = 'failed' AND run = ?) FROM pages", run[:1]
            ).fetchone()
        status = RunStatus(RunCounts(*run[1:]), discovered=known, failed=failed)
        return SourceState(source, mode, url, status, max(begins, default=None))

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._unlock()

    def _open_file(self, source: str) -> FrontierFile:
        if source not in self._files:
            self._files[source] = FrontierFile(self._folder / f"{source}.db")
        return self._files[source]


def _apply_action(db: sqlite3.Connection, command: CrawlCommand) -> None:
    mode, url = _read_mode(db)
    if command.action in (Action.START, Action.BACKFILL):
        if command.action is Action.BACKFILL:
            db.execute(_FINISH_EARLY, (Action.BACKFILL,))
            db.execute(_FORGET)
        mode, url = SourceMode.RUNNING, command.url
    elif command.action is Action.STOP:
        db.execute(_FINISH_EARLY, (Action.STOP,))
        mode = SourceMode.STOPPED
    else:
        mode = _TRANSITIONS.get((command.action, mode), mode)
    db.execute(
        "INSERT INTO fleet (only, mode, url) VALUES (1, ?1, ?2)"
        " ON CONFLICT (only) DO UPDATE SET mode = ?1, url = ?2",
        (mode, url),
    )


def _read_mode(db: sqlite3.Connection) -> tuple[SourceMode, str | None]:
    found = db.execute("SELECT mode, url FROM fleet").fetchone()
    return (SourceMode(found[0]), found[1]) if found else (SourceMode.IDLE, None)


def _read_begins(db: sqlite3.Connection) -> tuple[datetime | None, datetime | None]:
    """When a due run was claimed last, and when the last run began."""
    claimed = db.execute("SELECT claimed FROM fleet").fetchone()
    run = db.execute("SELECT name FROM runs ORDER BY number DESC LIMIT 1").fetchone()
    return (
        from_version(claimed[0]) if claimed and claimed[0] is not None else None,
        parse_run_start(run[0]) if run else None,
    )


def open_fleet(url: str, *, is_worker: bool) -> FleetControl:
    """Raises: Invalid for a URL that names no folder; Conflict for a second worker."""
    folder = parse_folder(url)
    return SqliteFleetControl(
        folder, lock_exclusively(folder / "fleet.lock", _WORKER_CONFLICT) if is_worker else _unlock_nothing
    )


def _unlock_nothing() -> None:
    """No lock was taken."""
