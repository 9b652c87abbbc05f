"""Rows of the first sheet with rows of a workbook (.xlsx, .xls, .ods), with its own numbers and dates."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from bookcore.domain.errors import Invalid
from booksources.tables.rows import TableBody, TableFormat, TableRow, check_header

_LARGEST = 100 << 20  # bytes
_LARGEST_UNPACKED = 500 << 20
_MOST_CELLS = 20_000_000
_CELL = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_CHUNK = 1 << 20


def read_spreadsheet(body: TableBody, form: TableFormat) -> Iterator[TableRow]:
    """Rows below the header. Raises: Invalid for a file that is no workbook, or one too large for memory."""
    content = body.bytes.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise Invalid(f"is larger than {_LARGEST >> 20} MB; save it as .csv", field="file")
    _check_unpacked(content)
    try:
        rows = _open_rows(content)
    except CalamineError as error:
        raise Invalid(f"is no workbook that can be read: {error}", field="file") from error
    header = check_header([_format_cell(cell) for cell in next(rows, [])], form)
    number = 0
    for row in rows:
        cells = [_format_cell(cell) for cell in row]
        if any(cells):
            number += 1
            yield TableRow(number, body.get_position(), dict(zip(header, cells, strict=True)))


def _open_rows(content: bytes) -> Iterator[list[object]]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets = (workbook.get_sheet_by_name(name) for name in workbook.sheet_names)
    filled: CalamineSheet | None = next((sheet for sheet in sheets if sheet.height > 1), None)
    if filled is None:
        raise Invalid("has no sheet with a header and rows", field="file")
    return (list(row) for row in filled.iter_rows() if any(cell != "" for cell in row))


def _check_unpacked(content: bytes) -> None:
    """Raises: Invalid for an archive that unpacks to more than memory holds."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(each.file_size for each in archive.infolist()) > _LARGEST_UNPACKED:
            raise Invalid(f"unpacks to more than {_LARGEST_UNPACKED >> 20} MB", field="file")
        for name in archive.namelist():
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                _check_cells(archive, name)


def _check_cells(archive: zipfile.ZipFile, name: str) -> None:
    """A sheet is as large as its last row times its last column, however few cells it has."""
    columns = rows = 0
    with archive.open(name) as sheet:
        rest = b""
        while chunk := sheet.read(_CHUNK):
            for letters, digits in _CELL.findall(rest + chunk):
                columns, rows = max(columns, _count_columns(letters)), max(rows, int(digits))
            rest = chunk[-32:]
    if columns * rows > _MOST_CELLS:
        raise Invalid(f"has a sheet of {rows} rows and {columns} columns; save it as .csv", field="file")


def _count_columns(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _format_cell(cell: object) -> str:
    match cell:
        case str():
            return cell.strip()
        case bool():
            return str(cell).lower()
        case float():
            return str(int(cell)) if cell.is_integer() else repr(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
        case date() | time() | timedelta():
            return str(cell)
        case _:
            return "" if cell is None else str(cell)
