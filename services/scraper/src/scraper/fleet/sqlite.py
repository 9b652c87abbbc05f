"""What the fleet of one worker is told, in the files of its embedded frontier."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from bookcore.events.crawl import Action, CrawlCommand
from scraper.fleet.control import Fleet, Mode, Told
from scraper.frontier import Counts, Standing
from scraper.frontier.sqlite.file import SqliteFile, folder_of, lock_alone

_ANOTHER = (
    "another fleet worker holds {path}: this frontier serves one;"
    " set BOOKSTREAM_FRONTIER_URL=redis://host:port/0 for several"
)
_FORGET = "UPDATE pages SET etag = NULL, last_modified = NULL, content_hash = NULL"
_END_EARLY = "UPDATE runs SET finished = ? WHERE finished IS NULL"
_CHANGES = {(Action.PAUSE, Mode.RUNNING): Mode.PAUSED, (Action.RESUME, Mode.PAUSED): Mode.RUNNING}


class SqliteFleet:
    """As Fleet; a crawl that goes on in another process reads the same file."""

    def __init__(self, folder: Path, unlock: Callable[[], None]) -> None:
        self._folder = folder
        self._unlock = unlock
        self._files: dict[str, SqliteFile] = {}

    def apply(self, command: CrawlCommand) -> bool:
        """As Fleet.apply."""
        with self._file(command.source).transaction() as db:
            new = db.execute("INSERT OR IGNORE INTO commands VALUES (?)", (command.command_id,)).rowcount
            if new:
                _do(db, command)
        return new == 1

    def told(self, source: str) -> Told:
        """As Fleet.told; pages under way in a crawl's memory count as queued."""
        with self._file(source).reading() as db:
            mode, url = _mode(db)
            run = db.execute(
                "SELECT number, pages, books, published, unchanged FROM runs ORDER BY number DESC LIMIT 1"
            ).fetchone() or (0, 0, 0, 0, 0)
            known, failed = db.execute(
                "SELECT count(*), count(*) FILTER (WHERE state = 'failed' AND run = ?) FROM pages", run[:1]
            ).fetchone()
        return Told(source, mode, url, Standing(Counts(*run[1:]), known=known, failed=failed))

    def close(self) -> None:
        """As Fleet.close."""
        for file in self._files.values():
            file.close()
        self._unlock()

    def _file(self, source: str) -> SqliteFile:
        if source not in self._files:
            self._files[source] = SqliteFile(self._folder / f"{source}.db")
        return self._files[source]


def _do(db: sqlite3.Connection, command: CrawlCommand) -> None:
    mode, url = _mode(db)
    if command.action in (Action.START, Action.BACKFILL):
        if command.action is Action.BACKFILL:
            db.execute(_END_EARLY, (Action.BACKFILL,))
            db.execute(_FORGET)
        mode, url = Mode.RUNNING, command.url
    elif command.action is Action.STOP:
        db.execute(_END_EARLY, (Action.STOP,))
        mode = Mode.STOPPED
    else:
        mode = _CHANGES.get((command.action, mode), mode)
    db.execute("INSERT OR REPLACE INTO fleet (only, mode, url) VALUES (1, ?, ?)", (mode, url))


def _mode(db: sqlite3.Connection) -> tuple[Mode, str | None]:
    found = db.execute("SELECT mode, url FROM fleet").fetchone()
    return (Mode(found[0]), found[1]) if found else (Mode.IDLE, None)


def open_fleet(url: str, *, works: bool) -> Fleet:
    """Raises: Invalid for a URL that names no folder; Conflict for a second worker."""
    folder = folder_of(url)
    return SqliteFleet(folder, lock_alone(folder / "fleet.lock", _ANOTHER) if works else _nothing)


def _nothing() -> None:
    """No lock, nothing to free."""
