"""Rows of JSON Lines and of JSON arrays, also of an object that holds one: `{"books": [...]}`.

Numbers keep their digits: an id of 21 digits and a price of 12.50 are text as they are written. A member
that a record lacks is null.
"""

import json
import re
from collections.abc import Iterator
from typing import IO

import orjson

from bookcore.domain.errors import Invalid
from booksources.tables.lines import PhysicalLines, decode_body
from booksources.tables.rows import (
    LONGEST_RAW,
    LONGEST_RECORD,
    TableBody,
    TableFormat,
    TableRow,
    check_columns,
    find_damage,
)

_CHUNK = 1 << 16
_SCALAR = r'(?:"(?:[^"\\]|\\.)*"|-?[0-9.eE+-]+|true|false|null)'
_ARRAY = re.compile(rf'\s*(?:\{{\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*{_SCALAR}\s*,\s*)*"(?:[^"\\]|\\.)*"\s*:\s*)?\[')
_HEAD = 1 << 16


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=lambda _: None)


def read_json_lines(body: TableBody, form: TableFormat) -> Iterator[TableRow]:
    """A row for each line that is not empty. Raises: Invalid when a line is endless."""
    lines = PhysicalLines(decode_body(body, form), body)
    yield from _read_lines(lines, body, form)


def read_json(body: TableBody, form: TableFormat) -> Iterator[TableRow]:
    """A row for each member of the array; files of JSON Lines by that name are read too.

    Raises: Invalid when the file holds no array of objects, and where it is damaged.
    """
    text = decode_body(body, form)
    head = text.read(_HEAD)
    start = _ARRAY.match(head)
    if start:
        yield from _read_array(_ArrayText(text, head[start.end() :], body), form)
    elif _is_object(head.partition("\n")[0]):
        yield from _read_lines(PhysicalLines(_RestOfText(head, text), body), body, form)
    else:
        raise Invalid("is no JSON array of objects, and no JSON Lines", field="file")


def _read_lines(lines: PhysicalLines, body: TableBody, form: TableFormat) -> Iterator[TableRow]:
    number = 0
    lines.begin_row()
    for line in lines:
        lines.begin_row()
        if line.strip():
            number += 1
            yield _parse_record(TableRow(number, body.get_position(), None, raw=line), form)


def _read_array(array: "_ArrayText", form: TableFormat) -> Iterator[TableRow]:
    number = 0
    while (record := array.take_record(number)) is not None:
        number += 1
        yield _parse_record(TableRow(number, array.position, None, raw=record), form)


def _parse_record(row: TableRow, form: TableFormat) -> TableRow:
    damage = find_damage(row.raw, form)
    fault, record = damage, None
    if not damage:
        try:
            record = _DECODER.decode(row.raw)
            fault = "" if isinstance(record, dict) else "is no JSON object"
        except json.JSONDecodeError as error:
            fault = f"is no JSON: {error.msg.lower()} at character {error.pos + 1}"
        except RecursionError:
            fault = "is no JSON of a book: it is nested too deeply"
    if fault or record is None:
        return TableRow(row.number, row.position, None, fault, row.raw.rstrip("\r\n")[:LONGEST_RAW])
    check_columns(len(record))
    cells = {name: format_cell(value) for name, value in record.items()}
    return TableRow(row.number, row.position, cells, is_sparse=True)


def format_cell(value: object) -> str:
    """A JSON value as a table prints it; a list as its members separated by `; `."""
    match value:
        case None:
            return ""
        case str():
            return str(value)
        case list():
            return "; ".join(format_cell(member) for member in value)
        case _:
            return _format_json(value)


def _format_json(value: object) -> str:
    match value:
        case _Number():
            return str(value)
        case list():
            return f"[{','.join(map(_format_json, value))}]"
        case dict():
            members = (f"{_format_json(str(name))}:{_format_json(member)}" for name, member in value.items())
            return f"{{{','.join(members)}}}"
        case _:
            return orjson.dumps(value).decode()


def _is_object(line: str) -> bool:
    try:
        return isinstance(_DECODER.decode(line.strip()), dict)
    except (json.JSONDecodeError, RecursionError):
        return line.lstrip().startswith("{") and len(line) >= _HEAD


class _RestOfText:
    """A text whose beginning was read already; lines only."""

    def __init__(self, head: str, text: IO[str]) -> None:
        self._head = head
        self._text = text

    def readline(self, limit: int) -> str:
        """The next line, or its first `limit` characters."""
        line, end, rest = self._head.partition("\n")
        self._head = rest
        if end or not line:
            return line + end if end else self._text.readline(limit)
        return line + self._text.readline(limit)


class _ArrayText:
    """The members of a JSON array as raw text, one at a time."""

    def __init__(self, text: IO[str], head: str, body: TableBody) -> None:
        self._text = text
        self._buffer = head
        self._body = body

    @property
    def position(self) -> int:
        """Bytes of the file that are read."""
        return self._body.get_position()

    def take_record(self, number: int) -> str | None:
        """The next member; None at the end. Raises: Invalid where the array is damaged."""
        size = _CHUNK
        while True:
            self._buffer = self._buffer.lstrip(" \t\r\n,")
            if self._buffer.startswith("]"):
                return None
            end = self._find_end()
            if end:
                record, self._buffer = self._buffer[:end], self._buffer[end:]
                return record
            more = "" if len(self._buffer) > LONGEST_RECORD else self._text.read(size)
            if not more:
                raise Invalid(f"is damaged after row {number}: it is no JSON from there on", field="file")
            self._body.check_size()
            self._buffer, size = self._buffer + more, size * 2

    def _find_end(self) -> int:
        """Length of the member at the start of the buffer, when all of it is there."""
        try:
            _, end = _DECODER.raw_decode(self._buffer)
        except RecursionError as error:
            raise Invalid("is no JSON of books: it is nested too deeply", field="file") from error
        except json.JSONDecodeError:
            return 0
        return end if self._buffer[end:].lstrip()[:1] in (",", "]") else 0
