"""Files in the format of a reader: a mapping names the source, the reader and the profile, and no columns."""

import gzip
import re
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bookcore.domain.errors import Invalid
from booksources.cleaning.buffers import open_file
from booksources.feed_formats import detect_reader
from booksources.intake.intake import ListingIntake, Taken
from booksources.readers import PAGE_READERS, READERS
from booksources.reading import Document, Gone, Link, Listing, Parked, Total
from booksources.tables.mapping import FileMoment, ProfileTable, read_mapping

RECORD = "record"
_SUGGESTION = """\
# A guess from the beginning of the file: check it, then try it with --dry-run.
source = "{source}"
reader = "{reader}"

[profile]
# language = "en"
# currency = "???"   # of amounts without one, such as EUR
# territory = "??"   # whose customers' prices are meant, such as DE
"""
_PACKED, _UNPACKED = 300, 1 << 23


class FeedMapping(BaseModel):
    """A source whose files a reader reads; `profile` is what the source declares about its notation.

    `as_of`: when the file held, for records that don't say so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    version: int = Field(1, ge=1)
    reader: str
    as_of: FileMoment | None = None
    profile: ProfileTable = ProfileTable()

    @field_validator("reader")
    @classmethod
    def _check_reader(cls, name: str) -> str:
        known = sorted(READERS.keys() - PAGE_READERS)
        if name not in known:
            raise ValueError(f"is no reader of files; there are {', '.join(known)}")
        return name

    @property
    def extractor(self) -> str:
        """`extractor` of the events."""
        return f"import/{self.source}/{self.version}"


def load_feed_mapping(name: str) -> FeedMapping | None:
    """A bundled mapping by name, or one in a file; None when it is the mapping of a table.

    Raises: NotFound when there is neither, Invalid naming the place of a mistake.
    """
    try:
        keys = tomllib.loads(read_mapping(name))
        return FeedMapping.model_validate(keys) if "reader" in keys else None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"is no TOML: {error}", field="mapping") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Invalid(
            first["msg"].removeprefix("Value error, "), field=f"mapping.{'.'.join(map(str, first['loc']))}"
        ) from error


def suggest_feed_mapping(path: Path) -> str | None:
    """TOML by the beginning of the file, for a human to check; None when no reader of feeds reads it.

    Raises: NotFound, Invalid for a damaged `.gz`.
    """
    with open_file(path) as (body, _):
        try:
            reader = detect_reader(Document(path.name, body))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Invalid(f"{path.name} is damaged: {error}", field="file") from error
    if reader is None:
        return None
    source = re.sub(r"[^a-z0-9_]+", "_", path.name.partition(".")[0].lower())[:40]
    return _SUGGESTION.format(source=source or reader, reader=reader)


@contextmanager
def open_feed(
    path: Path, mapping: FeedMapping, intake: ListingIntake
) -> Iterator[Iterator[tuple[int, Taken]]]:
    """(bytes of the file read so far, record) in the file's order; `.gz` is unpacked.

    Raises: NotFound; while reading, Invalid when the file is damaged.
    """
    with open_file(path) as (body, file):
        yield _take_items(file, Document(path.name, body), mapping, intake)


def _take_items(
    file: IO[bytes], document: Document, mapping: FeedMapping, intake: ListingIntake
) -> Iterator[tuple[int, Taken]]:
    number = 0
    try:
        for item in READERS[mapping.reader](document, mapping.profile.declared):
            _check_size(document.body, file)
            if not isinstance(item, Link | Total):
                number += 1
                yield file.tell(), _take_record(number, item, intake)
    except (EOFError, zlib.error, gzip.BadGzipFile, Invalid) as error:
        reason = error.reason if isinstance(error, Invalid) else str(error)
        raise Invalid(f"{document.url} is damaged after {RECORD} {number}: {reason}", field="file") from error


def _take_record(number: int, item: Listing | Gone | Parked, intake: ListingIntake) -> Taken:
    match item:
        case Listing():
            return intake.take(number, item)
        case Gone():
            return intake.withdraw(number, item)
        case Parked():
            return intake.refuse(number, item.raw, item.reason)


def _check_size(body: IO[bytes], file: IO[bytes]) -> None:
    unpacked = body.tell()
    if body is not file and unpacked > _UNPACKED and unpacked > _PACKED * file.tell():
        raise Invalid(f"unpacks to more than {_PACKED} times its size ({unpacked >> 20} MB so far)")
