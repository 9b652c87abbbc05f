"""Opens a file of books by its mapping: the rows of a table, or the records of a feed."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path

from bookcore.domain.errors import Invalid
from booksources.feeds import RECORD, FeedMapping, load_feed_mapping, open_feed, suggest_feed_mapping
from booksources.intake.intake import ListingIntake
from booksources.tables.intake import TableIntake
from booksources.tables.mapping import TableMapping, load_mapping
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
    with ExitStack() as stack:
        if feed is None:
            table = load_mapping(mapping)
            _check_moment(table.as_of, at)
            yield stack.enter_context(_open_table(file, table, TableIntake(table, at)))
        else:
            _check_moment(feed.as_of, at)
            intake = ListingIntake(feed.source, at, record=RECORD, as_of=feed.as_of)
            yield stack.enter_context(_open_feed(file, feed, intake))


@contextmanager
def _open_table(file: Path, mapping: TableMapping, intake: TableIntake) -> Iterator[ImportRecords]:
    with closing(intake), open_table(file, mapping.format) as rows:
        taken = ((row.position, intake.take(row)) for row in rows)
        yield ImportRecords(mapping.source, mapping.extractor, "row", intake.account, taken)


@contextmanager
def _open_feed(file: Path, mapping: FeedMapping, intake: ListingIntake) -> Iterator[ImportRecords]:
    with closing(intake), open_feed(file, mapping, intake) as taken:
        yield ImportRecords(mapping.source, mapping.extractor, RECORD, intake.account, taken)


def _check_moment(as_of: datetime | None, at: datetime) -> None:
    if as_of is not None and as_of > at:
        raise Invalid(f"{as_of.isoformat()} is in the future", field="mapping.as_of")
