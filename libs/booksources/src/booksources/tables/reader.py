"""A file as rows of text, one at a time: memory stays flat however long the table is."""

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
class Line:
    """One row: its number from 1, the bytes of the file read so far, and its cells or what is wrong."""

    number: int
    position: int
    cells: dict[str, str] | None
    fault: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written. A byte order mark says more than `encoding`; without a `delimiter` the header
    tells; XML declares its encoding itself, unless another than the default is named."""

    encoding: str = "utf-8-sig"
    delimiter: str | None = None


class _Reader(Protocol):
    def __call__(self, body: IO[bytes], file: IO[bytes], form: Form) -> Iterator[Line]: ...


@contextmanager
def open_table(path: Path, form: Form) -> Iterator[Iterator[Line]]:
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
    with file, _unpacked(file, packed=path.suffix == ".gz") as body:
        yield _guarded(_READERS[kind](body, file, form), path)


@contextmanager
def _unpacked(file: IO[bytes], *, packed: bool) -> Iterator[IO[bytes]]:
    if not packed:
        yield file
        return
    with gzip.GzipFile(fileobj=file) as body:
        yield body  # type: ignore[misc]  # a GzipFile is read like any file


def _guarded(lines: Iterator[Line], path: Path) -> Iterator[Line]:
    number = 0
    try:
        for line in lines:
            number = line.number
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeError, onix.Damaged) as error:
        raise Invalid(f"{path.name} is damaged after row {number}: {error}", field="file") from error


def _text(body: IO[bytes], form: Form) -> IO[str]:
    head = body.peek(4)[:4] if isinstance(body, (io.BufferedReader, gzip.GzipFile)) else b""
    found = next((name for mark, name in _BOMS.items() if head.startswith(mark)), form.encoding)
    return io.TextIOWrapper(body, encoding=found, errors="replace", newline="")


def _csv_lines(body: IO[bytes], file: IO[bytes], form: Form) -> Iterator[Line]:
    text = _text(body, form)
    first = text.readline()
    delimiter = form.delimiter or max(_DELIMITERS, key=_QUOTED.sub("", first).count)
    reader = csv.reader(chain([first], text), strict=True, delimiter=delimiter)
    try:
        header = _header(next(reader, []), form)
    except csv.Error as error:
        raise Invalid(f"the header can't be read: {error}", field="file") from error
    number = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            yield Line(number, file.tell(), None, str(error))
            continue
        if cells is None:
            return
        if cells:
            number += 1
            line = Line(number, file.tell(), None, raw=delimiter.join(cells)[:_RAW])
            yield _readable(_row(line, header, cells), form)


def _header(printed: list[str], form: Form) -> list[str]:
    """Names of the columns; those without one are called by their number."""
    if not printed:
        raise Invalid("has no header: it is empty, or its first line is", field="file")
    names = [name.strip() or f"column {at}" for at, name in enumerate(printed, start=1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Invalid(f"the header names {', '.join(map(repr, twice[:5]))} twice; rename one", field="file")
    if any(_UNREADABLE in name for name in names):
        raise Invalid(f"the header is no {form.encoding} text; {_ENCODING}", field="file")
    return names


def _row(line: Line, header: list[str], cells: list[str]) -> Line:
    if len(cells) != len(header):
        fault = f"has {len(cells)} cells where the header has {len(header)}"
        return replace(line, fault=fault)
    return replace(line, cells=dict(zip(header, cells, strict=True)))


_ENCODING = "name the table's `encoding` in the mapping, such as latin-1 or windows-1250"


def _readable(line: Line, form: Form) -> Line:
    """The line, with a fault if bytes of it are no text."""
    if _UNREADABLE in line.raw or (line.cells and any(_UNREADABLE in cell for cell in line.cells.values())):
        return replace(line, cells=None, fault=f"has bytes that are no {form.encoding} text; {_ENCODING}")
    return line


def _json_lines(body: IO[bytes], file: IO[bytes], form: Form) -> Iterator[Line]:
    known: dict[str, None] = {}
    lines = (each for each in _text(body, form) if each.strip())
    for number, line in enumerate(lines, start=1):
        read = Line(number, file.tell(), None, raw=line[:_RAW])
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield replace(read, fault=f"is no JSON: {error}")
            continue
        if not isinstance(told, dict):
            yield replace(read, fault="is no JSON object")
            continue
        known.update(dict.fromkeys(told))
        yield _readable(replace(read, cells={name: _cell(told.get(name)) for name in known}), form)


def _cell(value: object) -> str:
    """JSON -> what a table would print; a list as its members with `; ` between."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return "; ".join(_cell(each) for each in value)
        case _:
            return orjson.dumps(value).decode()


def _onix_lines(body: IO[bytes], file: IO[bytes], form: Form) -> Iterator[Line]:
    encoding = None if form.encoding == Form().encoding else form.encoding
    for number, product in enumerate(onix.products(body, encoding=encoding), start=1):
        raw = orjson.dumps(product).decode()[:_RAW]
        yield _readable(Line(number, file.tell(), product, raw=raw), form)


_READERS: dict[str, _Reader] = {
    "csv": _csv_lines,
    "tsv": _csv_lines,
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "xml": _onix_lines,
}
