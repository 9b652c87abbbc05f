"""Cursors: the end of a page, signed together with what the page is of."""

from dataclasses import dataclass

from bookcore.catalogue import BookFilter, PageKey, Sort
from bookcore.catalogue.runs import RunKey
from bookcore.domain.book import from_version, to_version
from bookcore.kit.cursor import SignedCursors

_MAX_LENGTH = 200  # characters: a cursor is part of a URL


@dataclass(frozen=True, slots=True)
class PagePosition:
    """End of a page. `value` None: too long for a cursor; read it from the row of that book."""

    value: str | int | None
    book_id: str


class CursorCodec:
    """Encodes and verifies signed cursors."""

    def __init__(self, secret: str) -> None:
        self._signed = SignedCursors(secret)

    def encode_cursor(self, end: PageKey, wanted: BookFilter, sort: Sort) -> str:
        """Cursor of the page after `end`."""
        value = None if isinstance(end.value, str) and len(end.value) > _MAX_LENGTH else end.value
        return self._signed.encode([value, end.id], question=_describe_query(wanted, sort))

    def decode_cursor(self, cursor: str, wanted: BookFilter, sort: Sort) -> PagePosition:
        """Raises: ProblemError(bad-cursor) for a modified cursor and for one of other filters or order."""
        value, book_id = self._signed.decode(cursor, question=_describe_query(wanted, sort))
        return PagePosition(value, str(book_id))

    def encode_run(self, end: RunKey, source: str) -> str:
        """Cursor of the page of the source's runs after `end`."""
        return self._signed.encode([to_version(end.started_at), end.run], question=_describe_runs(source))

    def decode_run(self, cursor: str, source: str) -> RunKey:
        """Raises: ProblemError(bad-cursor) for a modified cursor and for one of another source."""
        started, run = self._signed.decode(cursor, question=_describe_runs(source))
        return RunKey(from_version(int(started or 0)), str(run))

    def encode_number(self, end: int, what: str) -> str:
        """Cursor of the page of a numbered list after that number."""
        return self._signed.encode([end], question=what)

    def decode_number(self, cursor: str, what: str) -> int:
        """Raises: ProblemError(bad-cursor) for a modified cursor and for one of another list."""
        return int(self._signed.decode(cursor, question=what)[0] or 0)


def _describe_runs(source: str) -> str:
    return f"runs of {source}"


def _describe_query(wanted: BookFilter, sort: Sort) -> str:
    return repr((wanted, sort.value))
