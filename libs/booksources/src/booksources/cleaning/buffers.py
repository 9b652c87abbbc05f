"""Looks at the beginning of a document without consuming it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_BLANK = b"\xef\xbb\xbf \t\r\n"
_HEAD = 64


@contextmanager
def peek_head(body: IO[bytes]) -> Iterator[tuple[bytes, io.BufferedReader]]:
    """The first bytes without leading white space, and the whole body to read on; the body stays open."""
    buffer = io.BufferedReader(body)  # type: ignore[type-var]  # any file that is open for reading
    try:
        yield buffer.peek(_HEAD)[:_HEAD].lstrip(_BLANK), buffer  # type: ignore[misc]  # as above
    finally:
        buffer.detach()
