"""Which pages a run lists and misses, in the file of a frontier; all within the caller's transaction."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from scraper.frontier import PageKind
from scraper.frontier.closing import GonePage, RunClosing, find_reason


def mark_listed(db: sqlite3.Connection, urls: Sequence[str], run: int) -> None:
    """A page is written once in a run."""
    db.executemany(
        "UPDATE pages SET listed = ? WHERE url = ? AND listed <> ?", [(run, url, run) for url in urls]
    )


def mark_missing(db: sqlite3.Connection, page_id: int, run: int) -> None:
    """Counts once in a run."""
    db.execute(
        "UPDATE pages SET missing = missing + 1, missing_run = ? WHERE id = ? AND missing_run <> ?",
        (run, page_id, run),
    )


def read_closing(db: sqlite3.Connection, run: int, *, now: datetime, is_limited: bool) -> RunClosing | None:
    """What the run knows of gone books; None for a run that is finished."""
    row = db.execute(
        "UPDATE runs SET closing = coalesce(closing, ?) WHERE number = ? AND finished IS NULL"
        " RETURNING closing",
        (now.isoformat(), run),
    ).fetchone()
    if row is None:
        return None
    last = db.execute(
        "SELECT number, seen FROM runs WHERE number < ?1 AND seen IS NOT NULL"
        " AND site = (SELECT site FROM runs WHERE number = ?1) ORDER BY number DESC LIMIT 1",
        (run,),
    ).fetchone()
    is_complete = not is_limited and _has_read_everything(db, run)
    return RunClosing(
        moment=datetime.fromisoformat(row[0]),
        seen=_count_seen(db, run),
        expected=int(last[1]) if last else None,
        is_complete=is_complete,
        gone=_find_gone(db, run, last_complete=last[0] if last and is_complete else 0),
    )


def forget_pages(db: sqlite3.Connection, run: int, closing: RunClosing) -> int:
    """Delete the pages of gone books and keep what later runs are compared with; number of the pages."""
    db.executemany("DELETE FROM pages WHERE id = ?", [(page.id,) for page in closing.forgotten])
    if closing.is_reference:
        db.execute("UPDATE runs SET seen = ? WHERE number = ?", (closing.seen, run))
    return len(closing.forgotten)


def _has_read_everything(db: sqlite3.Connection, run: int) -> bool:
    """A listing that the site no longer has doesn't count; one that failed may have listed anything."""
    unread = db.execute(
        "SELECT EXISTS (SELECT 1 FROM pages WHERE run <> ?1 OR"
        " (state = 'failed' AND kind = ?2 AND missing_run <> ?1))",
        (run, PageKind.LISTING),
    ).fetchone()
    return not unread[0]


def _count_seen(db: sqlite3.Connection, run: int) -> int:
    """Of a feed, which has no pages of books, the books that it shows."""
    row = db.execute(
        "SELECT count(*) FROM pages INDEXED BY pages_by_kind WHERE kind = ?2 AND listed = ?1 AND run = ?1"
        " AND state = 'done' AND content_hash IS NOT NULL",
        (run, PageKind.BOOK),
    ).fetchone()
    has_pages, books = db.execute(
        "SELECT EXISTS (SELECT 1 FROM pages WHERE kind = ?), books FROM runs WHERE number = ?",
        (PageKind.BOOK, run),
    ).fetchone()
    return int(row[0]) if has_pages else int(books)


def _find_gone(db: sqlite3.Connection, run: int, *, last_complete: int) -> tuple[GonePage, ...]:
    rows = db.execute(
        "SELECT id, url, body, missing, missing_run = ?1, listed FROM pages INDEXED BY pages_by_kind"
        " WHERE kind = ?2 AND (missing_run = ?1 OR listed < ?3) ORDER BY id",
        (run, PageKind.BOOK, last_complete),
    )
    found = []
    for number, url, body, missing, is_now, listed in rows:
        reason = find_reason(
            missing_runs=missing, is_missing_now=bool(is_now), listed=listed, last_complete=last_complete
        )
        if reason:
            found.append(GonePage(number, url, body, reason))
    return tuple(found)
