"""A file as rows of text, one at a time: memory stays flat however long the table is."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from bookcore.domain.errors import Invalid, NotFound

csv.field_size_limit(1 << 24)


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its number from 1, the bytes of the file read so far, and its cells or what is wrong."""

    number: int
    position: int
    cells: dict[str, str] | None
    fault: str = ""
    raw: str = ""


@contextmanager
def open_table(path: Path, *, encoding: str) -> Iterator[Iterator[Line]]:
    """`.csv` or `.jsonl`, each also with `.gz`.

    Raises: NotFound, Invalid for another kind of file; while reading, Invalid when a gzip is cut short.
    """
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind not in _READERS:
        raise Invalid(f"{path.name} is neither .csv nor .jsonl (also .gz)", field="file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from error
    with file, _unpacked(file, packed=path.suffix == ".gz") as body:
        text = io.TextIOWrapper(body, encoding=encoding, errors="replace", newline="")
        yield _guarded(_READERS[kind](text, file), path)


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
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Invalid(f"{path.name} is damaged after row {number}: {error}", field="file") from error


def _csv_lines(text: IO[str], file: IO[bytes]) -> Iterator[Line]:
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
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
            yield _row(Line(number, file.tell(), None, raw=",".join(cells)[:10_000]), header, cells)


def _row(line: Line, header: list[str], cells: list[str]) -> Line:
    if len(cells) != len(header):
        fault = f"has {len(cells)} cells where the header has {len(header)}"
        return Line(line.number, line.position, None, fault, line.raw)
    return Line(line.number, line.position, dict(zip(header, cells, strict=True)), raw=line.raw)


def _json_lines(text: IO[str], file: IO[bytes]) -> Iterator[Line]:
    known: dict[str, None] = {}
    for number, line in enumerate((each for each in text if each.strip()), start=1):
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Line(number, file.tell(), None, f"is no JSON: {error}", line[:10_000])
            continue
        if not isinstance(told, dict):
            yield Line(number, file.tell(), None, "is no JSON object", line[:10_000])
            continue
        known.update(dict.fromkeys(told))
        cells = {name: _text(told.get(name)) for name in known}
        yield Line(number, file.tell(), cells, raw=line[:10_000])


def _text(value: object) -> str:
    """JSON -> what a table would print; a list as its members with `; ` between."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return "; ".join(_text(each) for each in value)
        case _:
            return orjson.dumps(value).decode()


_READERS = {"csv": _csv_lines, "jsonl": _json_lines}
