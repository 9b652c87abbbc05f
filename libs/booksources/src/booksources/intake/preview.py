"""Previews an import: the first rows as books, the first parked rows, and the account of the whole file."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from bookcore.domain.book import AvailabilityStatus, Book
from booksources.intake.account import IntakeAccount
from booksources.intake.intake import Taken, TakenGone, TakenListing

_MAX_BOOKS = 3
_VALUE_LENGTH = 100


@dataclass(slots=True)
class ImportPreview:
    """The first books, the first parked rows of each reason, and the account."""

    account: IntakeAccount
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
        yield self.account.format_counts("would be published")
        yield from self.account.list_details()
        yield "nothing was written; without --dry-run it will be"

    def to_json(self) -> str:
        """A JSON object."""
        account = asdict(self.account)
        fields = {"accepted": self.account.books, "refused": self.refused}
        return orjson.dumps(
            account | fields | {"first_books": [list_book_fields(book) for book in self.books]}
        ).decode()


def preview_records(taken: Iterable[Taken], account: IntakeAccount, *, record: str) -> ImportPreview:
    """Raises: Invalid when the file is damaged or lacks a column. `record`: the word for one."""
    preview = ImportPreview(account)
    known = 0
    for one in taken:
        if one is None or isinstance(one, TakenGone):
            continue
        if one.reason and len(account.reasons) > known and len(preview.refused) < _MAX_BOOKS * 3:
            preview.refused.append(f"{record} {one.number}: {one.reason}")
        if isinstance(one, TakenListing) and one.book and len(preview.books) < _MAX_BOOKS:
            preview.books.append(one.book)
        known = len(account.reasons)
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
