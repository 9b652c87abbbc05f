"""The frontier in one SQLite file (WAL) per source.

A page waits in a run unless it is done in that run; a new run thus begins without touching any row. The
journal isn't synced per transaction: a power cut loses at most the last marks, and those pages are then
fetched and published again under the same event ids.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bookcore.domain.errors import Unavailable
from scraper.frontier import Counts, Finished, Kind, Known, Page, Run

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, depth INTEGER NOT NULL,
    run INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending', reason TEXT,
    etag TEXT, last_modified TEXT, body TEXT, content_hash TEXT);
CREATE INDEX IF NOT EXISTS pages_by_kind ON pages (kind);
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, site TEXT NOT NULL, extractor TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT,
    sequence INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 0, books INTEGER NOT NULL DEFAULT 0,
    published INTEGER NOT NULL DEFAULT 0, unchanged INTEGER NOT NULL DEFAULT 0);
"""
_COLUMNS = "id, url, kind, depth, etag, last_modified, body, content_hash"


class Frontier:
    """Used from one thread. Every method raises Unavailable when the file can't be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self._run = self._last_run()
            self.known = self._count("SELECT count(*) FROM pages")

    def begin(self, *, site: str, extractor: str, now: datetime) -> Run:
        """Go on with the unfinished run, else begin a new one.

        Another copy of the site (`site`: where it begins) begins with nothing known. Another extractor begins
        anew and forgets what the pages said, so that all of them are read again.
        """
        with self._transaction():
            last = self._db.execute(
                "SELECT site, extractor, finished, number, name, sequence, pages, books, published, unchanged"
                " FROM runs ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if last and last[:3] == (site, extractor, None):
                number, name, sequence, *counts = last[3:]
                return Run(number, name, resumed=True, sequence=sequence, counts=Counts(*counts))
            if last and last[0] != site:
                self._db.execute("DELETE FROM pages")
                self.known = 0
            elif last and last[1] != extractor:
                self._db.execute("UPDATE pages SET etag = NULL, last_modified = NULL, content_hash = NULL")
            return self._new_run(site, extractor, now)

    def _new_run(self, site: str, extractor: str, now: datetime) -> Run:
        self._run += 1
        name = f"{now:%Y%m%dT%H%M%SZ}-{self._run}"
        self._db.execute(
            "INSERT INTO runs (number, name, site, extractor, started) VALUES (?, ?, ?, ?, ?)",
            (self._run, name, site, extractor, now.isoformat()),
        )
        return Run(self._run, name, resumed=False, sequence=0, counts=Counts())

    def add(self, kind: Kind, urls: Sequence[str], *, depth: int) -> int:
        """Make pages known that weren't; their number."""
        with self._transaction():
            added = self._db.executemany(
                "INSERT OR IGNORE INTO pages (url, kind, depth) VALUES (?, ?, ?)",
                [(url, kind, depth) for url in urls],
            ).rowcount
        self.known += max(added, 0)
        return max(added, 0)

    def waiting(self, kind: Kind, *, after: int, limit: int) -> list[Page]:
        """Pages not done in this run, in the order of discovery, from behind the id `after` on."""
        with self._explained():
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM pages INDEXED BY pages_by_kind"  # noqa: S608 - a constant
                " WHERE kind = ? AND id > ? AND NOT (run = ? AND state = 'done') ORDER BY id LIMIT ?",
                (kind, after, self._run, limit),
            ).fetchall()
        return [_page(row) for row in rows]

    def settled(self) -> int:
        """Pages that are done in this run."""
        with self._explained():
            return self._count("SELECT count(*) FROM pages WHERE state = 'done' AND run = ?", self._run)

    def finish_pages(self, finished: Sequence[Finished], *, sequence: int) -> None:
        """Mark pages done and count them, all in one transaction; `sequence` is the next free one."""
        with self._transaction():
            self._db.executemany(
                "UPDATE pages SET state = 'done', run = ?, reason = NULL, etag = ?, last_modified = ?,"
                " body = ?, content_hash = ? WHERE id = ?",
                [(self._run, *_columns(each.known or each.page.known), each.page.id) for each in finished],
            )
            counts = _count(finished)
            self._db.execute(
                "UPDATE runs SET sequence = ?, pages = pages + ?, books = books + ?,"
                " published = published + ?, unchanged = unchanged + ? WHERE number = ?",
                (sequence, counts.pages, counts.books, counts.published, counts.unchanged, self._run),
            )

    def fail(self, page: Page, reason: str) -> None:
        """Record why a page couldn't be had; the next run tries it again."""
        with self._transaction():
            self._db.execute(
                "UPDATE pages SET state = 'failed', run = ?, reason = ? WHERE id = ?",
                (self._run, reason[:500], page.id),
            )

    def failures(self) -> list[tuple[str, str]]:
        """URL and reason of every page that is failed now."""
        with self._explained():
            return self._db.execute(
                "SELECT url, reason FROM pages WHERE state = 'failed' ORDER BY id"
            ).fetchall()

    def end(self, *, now: datetime) -> None:
        """The run is complete: the next one begins anew."""
        with self._transaction():
            self._db.execute("UPDATE runs SET finished = ? WHERE number = ?", (now.isoformat(), self._run))

    def close(self) -> None:
        """Free the file."""
        self._db.close()

    def _last_run(self) -> int:
        return self._count("SELECT coalesce(max(number), 0) FROM runs")

    def _count(self, query: str, *values: int) -> int:
        number: int = self._db.execute(query, values).fetchone()[0]
        return number

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"the frontier {self._path} can't be used ({error}); free some space or check permissions"
            ) from error


def _page(row: tuple[int, str, int, int, str | None, str | None, str | None, str | None]) -> Page:
    number, url, kind, depth, *known = row
    return Page(number, url, Kind(kind), depth, Known(*known))


def _columns(known: Known) -> tuple[str | None, ...]:
    return known.etag, known.last_modified, known.body, known.content_hash


def _count(finished: Sequence[Finished]) -> Counts:
    books = [each for each in finished if each.page.kind is Kind.BOOK]
    published = sum(each.published for each in books)
    return Counts(len(finished), len(books), published, len(books) - published)
