"""What an import would do, without doing it: the first rows as books, and what is wrong with the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from bookcore.domain.book import AvailabilityStatus, Book
from bookcore.domain.normalise import Rejected, normalise
from booksources.tables.mapping import Mapping
from booksources.tables.reader import Line

_SHOWN = 3
_LONGEST = 100


@dataclass(slots=True)
class Preview:
    """Counts, the first books, the first refusals, and all reasons without what was printed."""

    rows: int = 0
    accepted: int = 0
    books: list[Book] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def lines(self) -> Iterator[str]:
        """For people."""
        for book in self.books:
            yield f"{book.source_id}:"
            yield from (f"  {name}: {str(value)[:_LONGEST]}" for name, value in told_of(book).items())
        yield from (f"refused, {reason}" for reason in self.refused)
        yield f"{self.rows} rows · {self.accepted} would be published · {self.rows - self.accepted} parked"
        most = sorted(self.reasons.items(), key=lambda each: (-each[1], each[0]))
        yield from (f"  parked: {count} x {reason}" for reason, count in most[:10])
        yield "nothing was written; without --dry-run it will be"

    def as_json(self) -> str:
        """For programs."""
        told = {name: getattr(self, name) for name in self.__slots__} | {
            "books": [told_of(book) for book in self.books]
        }
        return orjson.dumps(told).decode()


def previewed(lines: Iterable[Line], mapping: Mapping) -> Preview:
    """Raises: Invalid when the file is damaged or lacks a column."""
    found = Preview()
    for line in lines:
        found.rows += 1
        book, reason = _book(line, mapping)
        if book is not None:
            found.accepted += 1
            if len(found.books) < _SHOWN:
                found.books.append(book)
            continue
        short = reason.partition(": ")[0]
        if found.reasons.setdefault(short, 0) < 1 and len(found.refused) < _SHOWN * 3:
            found.refused.append(f"row {line.number}: {reason}")
        found.reasons[short] += 1
    return found


def _book(line: Line, mapping: Mapping) -> tuple[Book | None, str]:
    if line.cells is None:
        return None, line.fault
    book = normalise(*mapping.read(line.cells))
    return (None, str(book)) if isinstance(book, Rejected) else (book, "")


def told_of(book: Book) -> dict[str, Any]:  # Any: JSON
    """What is known of a book, by name; the rest left out."""
    details, status = book.details.plain or {}, book.availability.status
    told = {
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
    return {name: value for name, value in told.items() if value is not None}
