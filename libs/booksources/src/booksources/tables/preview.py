"""Previews an import: the first rows as books, and the reasons of rejected rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from bookcore.domain.book import AvailabilityStatus, Book
from bookcore.domain.normalise import Rejected, normalise
from booksources.tables.mapping import TableMapping
from booksources.tables.rows import TableRow

_MAX_BOOKS = 3
_VALUE_LENGTH = 100


@dataclass(slots=True)
class TablePreview:
    """Counts, the first books, the first rejected rows, and all reasons without the printed values."""

    rows: int = 0
    accepted: int = 0
    books: list[Book] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def lines(self) -> Iterator[str]:
        """Lines to print."""
        for book in self.books:
            yield f"{book.source_id}:"
            yield from (
                f"  {name}: {str(value)[:_VALUE_LENGTH]}" for name, value in list_book_fields(book).items()
            )
        yield from (f"refused, {reason}" for reason in self.refused)
        yield f"{self.rows} rows · {self.accepted} would be published · {self.rows - self.accepted} parked"
        most = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))
        yield from (f"  parked: {count} x {reason}" for reason, count in most[:10])
        yield "nothing was written; without --dry-run it will be"

    def to_json(self) -> str:
        """A JSON object."""
        fields = {name: getattr(self, name) for name in self.__slots__} | {
            "books": [list_book_fields(book) for book in self.books]
        }
        return orjson.dumps(fields).decode()


def preview_table(lines: Iterable[TableRow], mapping: TableMapping) -> TablePreview:
    """Raises: Invalid when the file is damaged or lacks a column."""
    preview = TablePreview()
    for line in lines:
        preview.rows += 1
        book, reason = _read_book(line, mapping)
        if book is not None:
            preview.accepted += 1
            if len(preview.books) < _MAX_BOOKS:
                preview.books.append(book)
            continue
        short = reason.partition(": ")[0]
        if preview.reasons.setdefault(short, 0) < 1 and len(preview.refused) < _MAX_BOOKS * 3:
            preview.refused.append(f"row {line.number}: {reason}")
        preview.reasons[short] += 1
    return preview


def _read_book(line: TableRow, mapping: TableMapping) -> tuple[Book | None, str]:
    mapping.check_columns(line)
    if line.cells is None:
        return None, line.fault
    book = normalise(*mapping.map_row(line.cells))
    return (None, str(book)) if isinstance(book, Rejected) else (book, "")


def list_book_fields(book: Book) -> dict[str, Any]:  # Any: JSON
    """The known fields of a book by name."""
    details, status = book.details.plain or {}, book.availability.status
    values = {
        "title": book.title,
        "price": str(book.price),
        "category": book.category,
        "rating": None if book.rating is None else str(book.rating),
        "availability": None if status is AvailabilityStatus.UNKNOWN else status.value,
        "description": book.description,
        **book.identifiers,
        **book.attributes,
        **details,
    }
    return {name: value for name, value in values.items() if value is not None}
