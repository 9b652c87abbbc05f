"""Reads a file as rows of text, one at a time, in bounded memory."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bookcore.domain.errors import Invalid
from booksources.cleaning.buffers import open_file
from booksources.tables.delimited import read_delimited
from booksources.tables.json_rows import read_json, read_json_lines
from booksources.tables.lines import detect_encoding
from booksources.tables.rows import TableBody, TableFormat, TableRow
from booksources.tables.spreadsheet import read_spreadsheet

_TEXT = ("csv", "tsv", "txt", "json", "jsonl", "ndjson")


@contextmanager
def open_table(path: Path, form: TableFormat) -> Iterator[Iterator[TableRow]]:
    """`.csv`, `.tsv`, `.json`, `.jsonl`, `.xlsx`, `.xls`, `.ods`, each also with `.gz`.

    Raises: NotFound, Invalid for another kind of file; while reading, Invalid when the header is no header or
    the file is damaged.
    """
    with _open_body(path) as body:
        yield _report_damage(_READERS[body.kind](body, form), path)


def detect_format(path: Path) -> TableFormat:
    """The encoding that the bytes of a table look like; to be checked by a human.

    Raises: NotFound, Invalid as open_table.
    """
    with _open_body(path) as body:
        return TableFormat(detect_encoding(body.bytes)) if body.kind in _TEXT else TableFormat()


@contextmanager
def _open_body(path: Path) -> Iterator[TableBody]:
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind not in _READERS:
        raise Invalid(
            f"{path.name} is no table (.csv, .tsv, .jsonl, .json, .xlsx, .xls or .ods, also .gz), and no feed"
            " that a reader reads",
            field="file",
        )
    with open_file(path) as (body, file):
        yield TableBody(kind, body, file.tell)


def _report_damage(rows: Iterator[TableRow], path: Path) -> Iterator[TableRow]:
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
        raise Invalid(f"{path.name} is damaged after row {number}: {error}", field="file") from error


_READERS: dict[str, Callable[[TableBody, TableFormat], Iterator[TableRow]]] = {
    "csv": read_delimited,
    "tsv": read_delimited,
    "txt": read_delimited,
    "json": read_json,
    "jsonl": read_json_lines,
    "ndjson": read_json_lines,
    "xlsx": read_spreadsheet,
    "xls": read_spreadsheet,
    "ods": read_spreadsheet,
}
