"""The lines of a text, each of bounded length, and the encoding that they are in."""

import codecs
import gzip
import io
from collections import deque
from collections.abc import Iterator
from typing import IO, Protocol

from bookcore.domain.errors import Invalid
from booksources.tables.rows import LONGEST_RECORD, TableBody, TableFormat

MOST_LINES = 500
"""Lines of one row."""
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")  # of cp1252
_MOST_EMPTY = 100_000
_CHUNK = 1 << 20
_SAMPLE = 64  # chunks


class UnclosedQuote(Exception):
    """A row goes on for more lines or characters than a row has."""


class LineSource(Protocol):
    """A text that is read by lines."""

    def readline(self, limit: int, /) -> str:
        """The next line with its end, or its first `limit` characters; empty at the end of the text."""
        ...


class PhysicalLines:
    """Lines to be read as rows; the lines of the current row can be put back. Numbered from 1."""

    def __init__(self, text: LineSource, body: TableBody) -> None:
        self._text = text
        self._body = body
        self._waiting: deque[str] = deque()
        self._number = 0
        self._size = 0
        self._empty = 0
        self.taken: list[str] = []

    @property
    def first_number(self) -> int:
        """Number of the current row's first line."""
        return self._number - len(self.taken) + 1

    def begin_row(self) -> None:
        """Start a row at the next line."""
        self.taken = []
        self._size = 0

    def put_back(self) -> str:
        """Give back all lines of the current row but the first, which is returned."""
        first, *rest = self.taken
        self._waiting.extendleft(reversed(rest))
        self._number -= len(rest)
        self.taken = [first]
        return first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES or self._size > LONGEST_RECORD:
            raise UnclosedQuote
        line = self._waiting.popleft() if self._waiting else self._read_line()
        self._number += 1
        self._size += len(line)
        self.taken.append(line)
        return line

    def _read_line(self) -> str:
        line = self._text.readline(LONGEST_RECORD + 1)
        if len(line) > LONGEST_RECORD:
            raise Invalid(
                f"line {self._number + 1} is longer than {LONGEST_RECORD >> 20} million characters",
                field="file",
            )
        if not line:
            raise StopIteration
        if self._number % 4096 == 0:
            self._body.check_size()
        self._empty = 0 if len(line) > 2 or line.strip() else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise Invalid(f"has more than {_MOST_EMPTY} empty lines in a row", field="file")
        return line


def decode_body(body: TableBody, form: TableFormat) -> IO[str]:
    """The body as text; bytes that are no text become U+FFFD."""
    encoding = find_unicode(_peek(body.bytes)) or form.encoding
    body.texts.append(io.TextIOWrapper(body.bytes, encoding=encoding, errors="replace", newline=""))
    return body.texts[-1]


def _peek(body: IO[bytes]) -> bytes:
    return body.peek(64)[:64] if isinstance(body, (io.BufferedReader, gzip.GzipFile)) else b""


def find_unicode(head: bytes) -> str | None:
    """The encoding that a byte order mark or the zero bytes of UTF-16 show."""
    marked = next((name for mark, name in _BOMS.items() if head.startswith(mark)), None)
    if marked or len(head) < 4:
        return marked
    even, odd = head[::2].count(0) / len(head[::2]), head[1::2].count(0) / len(head[1::2])
    if max(even, odd) < 0.6 or min(even, odd) > 0.05:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def detect_encoding(body: IO[bytes]) -> str:
    """UTF-8 where the first 64 MB are; else cp1252, or latin-1 where bytes are not of cp1252. A guess."""
    shown = find_unicode(_peek(body))
    if shown:
        return shown
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, has_undefined = True, False
    for _ in range(_SAMPLE):
        chunk = body.read(_CHUNK)
        if not chunk:
            break
        has_undefined = has_undefined or not _UNDEFINED.isdisjoint(chunk)
        if is_utf8:
            is_utf8 = _can_decode(decoder, chunk)
    return "utf-8-sig" if is_utf8 else "latin-1" if has_undefined else "cp1252"


def _can_decode(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True
