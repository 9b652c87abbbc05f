"""Rows of CSV and TSV. A quote that is never closed costs its line, not the rest of the table."""

import csv
import re
from collections.abc import Iterator
from itertools import chain

from bookcore.domain.errors import Invalid
from booksources.tables.lines import MOST_LINES, PhysicalLines, UnclosedQuote, decode_body
from booksources.tables.rows import (
    LONGEST_RAW,
    LONGEST_RECORD,
    TableBody,
    TableFormat,
    TableRow,
    check_header,
    find_damage,
)

csv.field_size_limit(2 * LONGEST_RECORD)

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')


def read_delimited(body: TableBody, form: TableFormat) -> Iterator[TableRow]:
    """Rows below the header. Raises: Invalid when the header is no header, or a line is endless."""
    return _DelimitedTable(body, form).read_rows()


class _DelimitedTable:
    def __init__(self, body: TableBody, form: TableFormat) -> None:
        self._body = body
        self._form = form
        self._lines = PhysicalLines(decode_body(body, form), body)
        first = next(self._lines, "")
        self._delimiter = form.delimiter or max(_DELIMITERS, key=_QUOTED.sub("", first).count)
        self._header = self._read_header(first)
        self._reader = self._parse(self._lines)

    def _parse(self, lines: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(lines, strict=True, delimiter=self._delimiter)

    def _read_header(self, first: str) -> list[str]:
        try:
            printed = next(self._parse(chain([first], self._lines)), [])
        except (csv.Error, UnclosedQuote) as error:
            raise Invalid(
                f"the header can't be read: {error or 'its quote is not closed'}", field="file"
            ) from error
        return check_header(printed, self._form)

    def read_rows(self) -> Iterator[TableRow]:
        """Rows with their faults, numbered from 1; empty lines are none."""
        number = 0
        while True:
            self._lines.begin_row()
            try:
                cells, fault = next(self._reader), ""
            except StopIteration:
                return
            except (csv.Error, UnclosedQuote) as error:
                cells, fault = [], self._put_back(error)
            if cells or fault:
                number += 1
                yield self._build_row(number, cells, fault or self._find_fault(cells))

    def _put_back(self, error: Exception) -> str:
        """The fault; lines after the first of a broken row are read as rows of their own."""
        at = self._lines.first_number
        if len(self._lines.taken) > 1:
            self._lines.put_back()
            return f"line {at} opens a quote that is not closed within {MOST_LINES} lines, or not rightly"
        return (
            f"line {at} has a quote that is not closed, or not rightly" if self._has_quote() else f"{error}"
        )

    def _has_quote(self) -> bool:
        return any('"' in line for line in self._lines.taken)

    def _find_fault(self, cells: list[str]) -> str:
        damage = find_damage("".join(self._lines.taken), self._form)
        if len(cells) == len(self._header):
            return damage
        at = self._lines.first_number
        if len(self._lines.taken) > 1 and self._is_row(self._lines.taken[1]):
            self._lines.put_back()
            return f"line {at} opens a quote that swallows the lines after it"
        return damage or f"has {len(cells)} cells where the header has {len(self._header)}"

    def _is_row(self, line: str) -> bool:
        try:
            return len(next(self._parse(iter([line])), [])) == len(self._header)
        except csv.Error:
            return False

    def _build_row(self, number: int, cells: list[str], fault: str) -> TableRow:
        position = self._body.get_position()
        if fault:
            raw = "".join(self._lines.taken).rstrip("\r\n")[:LONGEST_RAW]
            return TableRow(number, position, None, fault, raw)
        return TableRow(number, position, dict(zip(self._header, cells, strict=True)))
