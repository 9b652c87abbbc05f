"""Previews an import: the first rows as books, the first parked rows, and the account of the whole table."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson

from bookcore.domain.book import AvailabilityStatus, Book
from booksources.tables.intake import TableAccount, TableIntake
from booksources.tables.mapping import TableMapping
from booksources.tables.rows import TableRow

_MAX_BOOKS = 3
_VALUE_LENGTH = 100


@dataclass(slots=True)
class TablePreview:
    """The first books, the first parked rows of each reason, and the account."""

    account: TableAccount
    books: list[Book] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def lines(self) -> Iterator[str]:
        """Lines to print."""
        for book in self.books:
            yield f"{book.source_id}:"
            yield from (
                f"  {name}: {str(value)[:_VALUE_LENGTH]}" for name, value in list_book_fields(book).items()
            )
        yield from (f"refused, {reason}" for reason in self.refused)
        account = self.account
        equal = f" · {account.equal} equal" if account.equal else ""
        yield (
            f"{account.rows} rows are {account.books} books · {account.books} would be published{equal}"
            f" · {account.parked} parked"
        )
        yield from account.list_details()
        yield "nothing was written; without --dry-run it will be"

    def to_json(self) -> str:
        """A JSON object."""
        account = asdict(self.account)
        fields = {"accepted": self.account.books, "refused": self.refused}
        return orjson.dumps(
            account | fields | {"first_books": [list_book_fields(book) for book in self.books]}
        ).decode()


def preview_table(rows: Iterable[TableRow], mapping: TableMapping, at: datetime) -> TablePreview:
    """Raises: Invalid when the file is damaged or lacks a column."""
    intake = TableIntake(mapping, at)
    preview = TablePreview(intake.account)
    try:
        for row in rows:
            known = len(intake.account.reasons)
            taken = intake.take(row)
            if taken is None:
                continue
            reason = taken if isinstance(taken, str) else taken.reason
            if reason and len(intake.account.reasons) > known and len(preview.refused) < _MAX_BOOKS * 3:
                preview.refused.append(f"row {row.number}: {reason}")
            if not isinstance(taken, str) and taken.book and len(preview.books) < _MAX_BOOKS:
                preview.books.append(taken.book)
    finally:
        intake.close()
    return preview


def list_book_fields(book: Book) -> dict[str, Any]:  # Any: JSON
    """The known fields of a book by name."""
    details, status = book.details.plain or {}, book.availability.status
    values = {
        "title": book.title,
        "price": None if book.price is None else str(book.price),
        "category": book.category,
        "rating": None if book.rating is None else str(book.rating),
        "availability": None if status is AvailabilityStatus.UNKNOWN else status.value,
        "description": book.description,
        **book.identifiers,
        **book.attributes,
        **details,
    }
    return {name: value for name, value in values.items() if value is not None}
