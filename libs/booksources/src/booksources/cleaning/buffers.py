"""Looks at the beginning of a document without consuming it, and unpacks it."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from bookcore.domain.errors import Invalid, NotFound

_BLANK = b"\xef\xbb\xbf \t\r\n"
_HEAD = 64
_GZIP = b"\x1f\x8b"
_MOST_UNPACKED = 100 << 20


@contextmanager
def peek_head(body: IO[bytes]) -> Iterator[tuple[bytes, io.BufferedReader]]:
    """The first bytes without leading white space, and the whole body to read on; the body stays open."""
    buffer = io.BufferedReader(body)  # type: ignore[type-var]  # any file that is open for reading
    try:
        yield buffer.peek(_HEAD)[:_HEAD].lstrip(_BLANK), buffer  # type: ignore[misc]  # as above
    finally:
        buffer.detach()


@contextmanager
def open_file(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The bytes, unpacked while they are read when the name ends with .gz, and the file as it is.

    Raises: NotFound.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file, file


def unpack_body(body: bytes) -> bytes:
    """The body of a response, unpacked when it is gzip. Raises: Invalid when damaged or above 100 MiB."""
    if not body.startswith(_GZIP):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            unpacked = packed.read(_MOST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid("is damaged: it can't be unpacked to its end") from error
    if len(unpacked) > _MOST_UNPACKED:
        raise Invalid(f"unpacks to more than {_MOST_UNPACKED >> 20} MiB; import it as a file")
    return unpacked
