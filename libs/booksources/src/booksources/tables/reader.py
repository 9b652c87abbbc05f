"""Reads a file as rows of text, one at a time, in constant memory."""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Protocol

import orjson

from bookcore.domain.errors import Invalid, NotFound
from booksources.onix import reader as onix

csv.field_size_limit(1 << 24)

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_UNREADABLE = "\ufffd"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_RAW = 10_000


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: number from 1, bytes of the file read so far, and its cells, or None and the fault."""

    number: int
    position: int
    cells: dict[str, str] | None
    fault: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class TableFormat:
    """Encoding and delimiter of a table. A byte order mark overrides `encoding`; without a `delimiter` the
    header decides; XML declares its encoding, which another than the default overrides."""

    encoding: str = "utf-8-sig"
    delimiter: str | None = None


class _RowReader(Protocol):
    def __call__(self, body: IO[bytes], file: IO[bytes], form: TableFormat) -> Iterator[TableRow]: ...


@contextmanager
def open_table(path: Path, form: TableFormat) -> Iterator[Iterator[TableRow]]:
    """`.csv`, `.tsv`, `.jsonl` or ONIX's `.xml`, each also with `.gz`.

    Raises: NotFound, Invalid for another kind of file; while reading, Invalid when the header is no header or
    the file is damaged.
    """
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind not in _READERS:
        raise Invalid(f"{path.name} is neither .csv, .tsv, .jsonl nor .xml (also .gz)", field="file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from error
    with file, _decompress(file, packed=path.suffix == ".gz") as body:
        yield _report_damage(_READERS[kind](body, file, form), path)


@contextmanager
def _decompress(file: IO[bytes], *, packed: bool) -> Iterator[IO[bytes]]:
    if not packed:
        yield file
        return
    with gzip.GzipFile(fileobj=file) as body:
        yield body  # type: ignore[misc]  # a GzipFile is read like any file


def _report_damage(lines: Iterator[TableRow], path: Path) -> Iterator[TableRow]:
    number = 0
    try:
        for line in lines:
            number = line.number
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeError, onix.MalformedMessage) as error:
        raise Invalid(f"{path.name} is damaged after row {number}: {error}", field="file") from error


def _decode(body: IO[bytes], form: TableFormat) -> IO[str]:
    head = body.peek(4)[:4] if isinstance(body, (io.BufferedReader, gzip.GzipFile)) else b""
    encoding = next((name for mark, name in _BOMS.items() if head.startswith(mark)), form.encoding)
    return io.TextIOWrapper(body, encoding=encoding, errors="replace", newline="")


def _read_csv(body: IO[bytes], file: IO[bytes], form: TableFormat) -> Iterator[TableRow]:
    text = _decode(body, form)
    first = text.readline()
    delimiter = form.delimiter or max(_DELIMITERS, key=_QUOTED.sub("", first).count)
    reader = csv.reader(chain([first], text), strict=True, delimiter=delimiter)
    try:
        header = _check_header(next(reader, []), form)
    except csv.Error as error:
        raise Invalid(f"the header can't be read: {error}", field="file") from error
    number = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            yield TableRow(number, file.tell(), None, str(error))
            continue
        if cells is None:
            return
        if cells:
            number += 1
            line = TableRow(number, file.tell(), None, raw=delimiter.join(cells)[:_RAW])
            yield _check_encoding(_assign_cells(line, header, cells), form)


def _check_header(printed: list[str], form: TableFormat) -> list[str]:
    """Names of the columns; unnamed columns get their number."""
    if not printed:
        raise Invalid("has no header: it is empty, or its first line is", field="file")
    names = [name.strip() or f"column {at}" for at, name in enumerate(printed, start=1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Invalid(f"the header names {', '.join(map(repr, twice[:5]))} twice; rename one", field="file")
    if any(_UNREADABLE in name for name in names):
        raise Invalid(f"the header is no {form.encoding} text; {_ENCODING}", field="file")
    return names


def _assign_cells(line: TableRow, header: list[str], cells: list[str]) -> TableRow:
    if len(cells) != len(header):
        fault = f"has {len(cells)} cells where the header has {len(header)}"
        return replace(line, fault=fault)
    return replace(line, cells=dict(zip(header, cells, strict=True)))


_ENCODING = "name the table's `encoding` in the mapping, such as latin-1 or windows-1250"


def _check_encoding(line: TableRow, form: TableFormat) -> TableRow:
    """The row, with a fault if some of its bytes aren't text in the encoding."""
    if _UNREADABLE in line.raw or (line.cells and any(_UNREADABLE in cell for cell in line.cells.values())):
        return replace(line, cells=None, fault=f"has bytes that are no {form.encoding} text; {_ENCODING}")
    return line


def _read_json_lines(body: IO[bytes], file: IO[bytes], form: TableFormat) -> Iterator[TableRow]:
    columns: dict[str, None] = {}
    lines = (line for line in _decode(body, form) if line.strip())
    for number, line in enumerate(lines, start=1):
        read = TableRow(number, file.tell(), None, raw=line[:_RAW])
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield replace(read, fault=f"is no JSON: {error}")
            continue
        if not isinstance(record, dict):
            yield replace(read, fault="is no JSON object")
            continue
        columns.update(dict.fromkeys(record))
        yield _check_encoding(
            replace(read, cells={name: _format_cell(record.get(name)) for name in columns}), form
        )


def _format_cell(value: object) -> str:
    """Format a JSON value as a table prints it; a list as its members separated by `; `."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return "; ".join(_format_cell(member) for member in value)
        case _:
            return orjson.dumps(value).decode()


def _read_onix(body: IO[bytes], file: IO[bytes], form: TableFormat) -> Iterator[TableRow]:
    encoding = None if form.encoding == TableFormat().encoding else form.encoding
    for number, product in enumerate(onix.read_products(body, encoding=encoding), start=1):
        raw = orjson.dumps(product).decode()[:_RAW]
        yield _check_encoding(TableRow(number, file.tell(), product, raw=raw), form)


_READERS: dict[str, _RowReader] = {
    "csv": _read_csv,
    "tsv": _read_csv,
    "jsonl": _read_json_lines,
    "ndjson": _read_json_lines,
    "xml": _read_onix,
}
