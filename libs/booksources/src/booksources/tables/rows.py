"""Rows of a table as text, and the limits that keep memory bounded whatever the file holds."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

from bookcore.domain.errors import Invalid

MOST_COLUMNS = 2_000
LONGEST_RECORD = 1 << 22
"""Characters of a row or line."""
LONGEST_RAW = 10_000
"""Characters of a raw row that are kept for its dead letter."""
UNREADABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: number from 1, bytes of the file read so far, and its cells, or None and the fault.

    `is_sparse`: columns without a value may be absent, as in JSON. `raw` is kept for rows with a fault.
    """

    number: int
    position: int
    cells: dict[str, str] | None
    fault: str = ""
    raw: str = ""
    is_sparse: bool = False


@dataclass(frozen=True, slots=True)
class TableFormat:
    """Encoding and delimiter of a table. A byte order mark overrides `encoding`; without a `delimiter` the
    header decides; XML declares its encoding, which another than the default overrides."""

    encoding: str = "utf-8-sig"
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class TableBody:
    """The unpacked bytes of a table, its kind by its name, and how many bytes of the file are read.

    `texts`: the bytes as text; held because a text that is freed closes them.
    """

    kind: str
    bytes: IO[bytes]
    get_position: Callable[[], int]
    texts: list[IO[str]] = field(default_factory=list)

    def check_size(self) -> None:
        """Raises: Invalid when the file unpacks to several hundred times its size."""
        unpacked, read = self.bytes.tell(), self.get_position()
        if unpacked > 1 << 23 and unpacked > 300 * read:
            raise Invalid(
                f"unpacks to more than 300 times its size ({unpacked >> 20} MB so far)", field="file"
            )


def check_header(printed: Iterable[str], form: TableFormat) -> list[str]:
    """Names of the columns; unnamed columns get their number. Raises: Invalid."""
    names = [name.strip() or f"column {at}" for at, name in enumerate(printed, start=1)]
    if not names:
        raise Invalid("has no header: it is empty, or its first line is", field="file")
    check_columns(len(names))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Invalid(f"the header names {', '.join(map(repr, twice[:5]))} twice; rename one", field="file")
    if any(UNREADABLE in name for name in names):
        raise Invalid(f"the header is no {form.encoding} text; {ADVICE}", field="file")
    return names


def check_columns(count: int) -> None:
    """Raises: Invalid for more columns than a table of books has."""
    if count > MOST_COLUMNS:
        raise Invalid(f"has more than {MOST_COLUMNS} columns", field="file")


ADVICE = "name the table's `encoding` in the mapping, such as latin-1 or windows-1250"


def find_damage(text: str, form: TableFormat) -> str:
    """Why a raw row is damaged; empty if it isn't."""
    if UNREADABLE in text:
        return f"has bytes that are no {form.encoding} text; {ADVICE}"
    return "has NUL bytes" if "\x00" in text else ""
