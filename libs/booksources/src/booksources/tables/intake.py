"""Takes the rows of a table one by one: a book, an equal row of a book, or a row to park with the reason.

Rows of one id that state the same are counted once; one that differs from the first is parked, so that
nothing is merged or overwritten.
"""

from dataclasses import dataclass, field
from datetime import datetime

from bookcore.domain.book import Book
from bookcore.domain.listing import hash_listing, normalise_listing
from bookcore.domain.normalise import Origin
from bookcore.domain.printed_listing import PrintedListing, Remark
from bookcore.domain.rejection import Rejected
from booksources.tables.mapping import TableMapping
from booksources.tables.row_ids import RowIds
from booksources.tables.rows import TableRow

_MOST_REASONS = 200


@dataclass(slots=True)
class TableAccount:
    """Counts of a table: rows, books, rows equal to an earlier one, parked rows by reason (without printed
    values), dropped values by field with an example each.
    """

    rows: int = 0
    books: int = 0
    equal: int = 0
    parked: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def count_refusal(self, reason: str) -> None:
        """Count a parked row."""
        self.parked += 1
        short = reason.partition(": ")[0]
        if short not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            short = "other reasons"
        self.reasons[short] = self.reasons.get(short, 0) + 1

    def count_remark(self, remark: Remark, row: int) -> None:
        """Count a dropped value."""
        self.dropped[remark.field] = self.dropped.get(remark.field, 0) + 1
        self.examples.setdefault(remark.field, f"row {row}: {remark.printed[:80]!r} {remark.reason}")

    def list_details(self, *, most: int = 10) -> list[str]:
        """Lines to print: the most frequent reasons of parked rows, and all fields with dropped values."""
        parked = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))[:most]
        dropped = sorted(self.dropped.items(), key=lambda item: (-item[1], item[0]))
        return [
            *(f"  parked: {count} x {reason}" for reason, count in parked),
            *(f"  dropped: {count} x {name}, as in {self.examples[name]}" for name, count in dropped),
        ]


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A row that states a book; `reason` is why it is parked, empty for one to publish."""

    row: TableRow
    origin: Origin
    printed: PrintedListing
    content_hash: str
    book: Book | None = None
    reason: str = ""


class TableIntake:
    """Takes the rows of one table in order, and keeps the account."""

    def __init__(self, mapping: TableMapping, at: datetime) -> None:
        self.account = TableAccount()
        self._mapping = mapping
        self._at = at
        self._ids = RowIds()

    def close(self) -> None:
        """Forget the ids."""
        self._ids.close()

    def take(self, row: TableRow) -> TakenRow | str | None:
        """The row's book; the fault of a row that can't be read; None for a row equal to an earlier one.

        Raises: Invalid naming a column that the table doesn't have.
        """
        self._mapping.check_columns(row)
        self.account.rows += 1
        if row.cells is None:
            self.account.count_refusal(row.fault)
            return row.fault
        taken = self._map_row(row, row.cells)
        if taken is None:
            self.account.equal += 1
        elif taken.reason:
            self.account.count_refusal(taken.reason)
        else:
            self.account.books += 1
        return taken

    def _map_row(self, row: TableRow, cells: dict[str, str]) -> TakenRow | None:
        listing = self._mapping.map_row(cells)
        origin = Origin(self._mapping.source, listing.source_id, listing.url)
        content = hash_listing(origin, listing.printed)
        result = normalise_listing(origin, listing.printed, self._at)
        if isinstance(result, Rejected):
            return TakenRow(row, origin, listing.printed, content, reason=str(result))
        earlier = self._ids.add(result.book.source_id, content, row.number)
        if earlier is None:
            for remark in result.remarks:
                self.account.count_remark(remark, row.number)
            return TakenRow(row, origin, listing.printed, content, result.book)
        first, is_equal = earlier
        if is_equal:
            return None
        reason = f"states something else than an earlier row of the same id: row {first}"
        return TakenRow(row, origin, listing.printed, content, reason=reason)
