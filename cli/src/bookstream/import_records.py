"""Opens a file of books by its mapping: the rows of a table, or the records of a feed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from booksources.feeds import RECORD, FeedMapping, load_feed_mapping, open_feed, suggest_feed_mapping
from booksources.intake.intake import ListingIntake
from booksources.tables.intake import TableIntake
from booksources.tables.mapping import load_mapping
from booksources.tables.reader import detect_format, open_table
from booksources.tables.suggestion import suggest_mapping
from bookstream.listing_import import ImportRecords


def suggest_records(file: Path) -> str:
    """A mapping for the file as TOML, for a human to check. Raises: NotFound, Invalid."""
    feed = suggest_feed_mapping(file)
    if feed is not None:
        return feed
    form = detect_format(file)
    with open_table(file, form) as rows:
        return suggest_mapping(rows, file.name.partition(".")[0], form)


@contextmanager
def open_records(file: Path, mapping: str, at: datetime) -> Iterator[ImportRecords]:
    """`mapping`: name of a bundled one, or a TOML file. `at`: the time of the import.

    Raises: NotFound, Invalid; the latter also while reading.
    """
    feed = load_feed_mapping(mapping)
    with _open_table(file, mapping, at) if feed is None else _open_feed(file, feed, at) as records:
        yield records


@contextmanager
def _open_table(file: Path, name: str, at: datetime) -> Iterator[ImportRecords]:
    mapping = load_mapping(name)
    with closing(TableIntake(mapping, at)) as intake, open_table(file, mapping.format) as rows:
        taken = ((row.position, intake.take(row)) for row in rows)
        yield ImportRecords(mapping.source, mapping.extractor, "row", intake.account, taken)


@contextmanager
def _open_feed(file: Path, mapping: FeedMapping, at: datetime) -> Iterator[ImportRecords]:
    with (
        closing(ListingIntake(mapping.source, at, record=RECORD)) as intake,
        open_feed(file, mapping, intake) as taken,
    ):
        yield ImportRecords(mapping.source, mapping.extractor, RECORD, intake.account, taken)
