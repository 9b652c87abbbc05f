"""Takes the rows of a table one by one."""

from datetime import datetime

from booksources.intake.account import IntakeAccount
from booksources.intake.intake import ListingIntake, RefusedRecord, TakenListing
from booksources.tables.mapping import TableMapping
from booksources.tables.rows import TableRow


class TableIntake:
    """Takes the rows of one table in order, and keeps the account."""

    def __init__(self, mapping: TableMapping, at: datetime) -> None:
        self._mapping = mapping
        self._intake = ListingIntake(mapping.source, at, record="row", as_of=mapping.as_of)

    @property
    def account(self) -> IntakeAccount:
        """Counts so far."""
        return self._intake.account

    def close(self) -> None:
        """Forget the ids."""
        self._intake.close()

    def take(self, row: TableRow) -> TakenListing | RefusedRecord | None:
        """The row's book; a row that can't be read with the reason; None for a row equal to an earlier one.

        Raises: Invalid naming a column that the table doesn't have.
        """
        self._mapping.check_columns(row)
        if row.cells is None:
            return self._intake.refuse(row.number, row.raw.encode(), row.fault)
        return self._intake.take(row.number, self._mapping.map_row(row.cells))
