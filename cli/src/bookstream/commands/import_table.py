"""`bookstream import`: publish the rows of a table as observed events."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bookcore.event_log import open_event_log
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from booksources.intake.preview import preview_records
from bookstream.commands.options import AsJson, Data
from bookstream.import_records import open_records, suggest_records
from bookstream.interrupts import handle_stop_signals
from bookstream.listing_import import ImportCounts, ImportRecords, ListingImporter, to_json
from bookstream.settings import load_settings
from bookstream.stores import prepare_stores

TableFile = Annotated[
    Path, typer.Argument(help="A .csv, .tsv, .json, .jsonl, .xlsx, .xls, .ods or feed file, also .gz.")
]
MappingName = Annotated[
    str | None,
    typer.Option(help="Name of a bundled mapping, or a TOML file. Without it: print a suggested mapping."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the first books and the rejected rows, publish nothing.")
]


def import_table(
    file: TableFile,
    *,
    mapping: MappingName = None,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Publish the rows of a table of books, or the records of a feed: ONIX, OPDS, MARC and so on.

    Each row becomes an observed event; a running `bookstream up`, or the next one, ingests them.
    Rejected rows go to the dead letters with row number and reason; `bookstream dlq list` shows them. The
    same table again changes nothing.

    A new file takes three steps: `import FILE > mapping.toml` suggests a mapping: of a feed by its
    format, of a table by the names of its columns and their values; check it; `import FILE --mapping
    mapping.toml --dry-run` prints the first books and the rejected rows. docs/how-to/import-a-table.md
    lists the keys of a mapping.
    """
    handle_stop_signals()
    if mapping is None:
        print(suggest_records(file))
        return
    at = SystemClock().now()
    with open_records(file, mapping, at) as records:
        if dry_run:
            preview = preview_records(
                (taken for _, taken in records.taken), records.account, record=records.word
            )
            print(preview.to_json() if as_json else "\n".join(preview.lines))
            return
        counts = _publish(records, data, file.stat().st_size, at)
    if as_json:
        print(to_json(counts))
        return
    print(counts)
    for line in counts.account.list_details():
        print(line)


def _publish(records: ImportRecords, data: Path | None, size: int, at: datetime) -> ImportCounts:
    settings = load_settings(data)
    prepare_stores(settings)
    log, lake = open_event_log(settings.event_log_url), open_lake(settings.lake_url)
    try:
        importer = ListingImporter(log, lake, records, at)
        with _show_progress(size) as update:
            return importer.run(on_progress=update)
    finally:
        lake.close()
        log.close()


@contextmanager
def _show_progress(size: int) -> Iterator[Callable[[ImportCounts], None]]:
    """A bar by bytes read on a terminal; nothing elsewhere."""
    bar = Progress(
        TextColumn("importing"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows · {task.fields[parked]} parked ·"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("import", total=size or None, rows=0, parked=0)
    with bar:
        yield lambda now: bar.update(
            task, completed=now.position, rows=now.account.rows, parked=now.account.parked
        )
