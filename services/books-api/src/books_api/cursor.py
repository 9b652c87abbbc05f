"""Where a page of books ended, as a cursor that is good for the same filters and order only."""

from dataclasses import dataclass

from bookcore.catalogue import BookFilter, PageKey, Sort
from bookcore.kit.cursor import SignedCursors

_MAX_LENGTH = 200  # characters: a cursor is a part of an address


@dataclass(frozen=True, slots=True)
class PagePosition:
    """Where a page ended. `value` None: too long to carry about, it stands in the row of that book."""

    value: str | int | None
    book_id: str


class CursorCodec:
    """Signed, so that nobody can ask for what a page would not have led to."""

    def __init__(self, secret: str) -> None:
        self._signed = SignedCursors(secret)

    def encode_cursor(self, end: PageKey, wanted: BookFilter, sort: Sort) -> str:
        """The cursor for what comes after `end`."""
        value = None if isinstance(end.value, str) and len(end.value) > _MAX_LENGTH else end.value
        return self._signed.encode([value, end.id], question=_describe_query(wanted, sort))

    def decode_cursor(self, cursor: str, wanted: BookFilter, sort: Sort) -> PagePosition:
        """Raises: ProblemError(bad-cursor) for anything but a cursor of ours for this very question."""
        value, book_id = self._signed.decode(cursor, question=_describe_query(wanted, sort))
        return PagePosition(value, str(book_id))


def _describe_query(wanted: BookFilter, sort: Sort) -> str:
    return repr((wanted, sort.value))
