"""`bookstream import`: a table of books as a source."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bookcore.event_log import open_event_log
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from booksources.tables.mapping import Mapping, mapping_named
from booksources.tables.preview import previewed
from booksources.tables.reader import Form, Line, open_table
from booksources.tables.suggestion import guessed
from bookstream.commands.running import interruptible
from bookstream.settings import settings_for
from bookstream.stores import prepare
from bookstream.table_import import Imported, Importer, as_json, reasons_of

Data = Annotated[Path | None, typer.Option(help="Folder of all data; default: BOOKSTREAM_DATA, or ./var.")]


def import_(
    file: Annotated[Path, typer.Argument(help="A .csv, .tsv, .jsonl or ONIX .xml file, also .gz.")],
    *,
    mapping: Annotated[
        str | None, typer.Option(help="A bundled mapping's name, or a TOML file. Without one: print a guess.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False,
    data: Data = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Publish a table's rows as observed events; `bookstream up` takes it from there, now or later.

    Rows that can't be accepted go to the dead letters with their number and the reason; `bookstream dlq list`
    shows them. Importing the same table again changes nothing.

    A table that nobody has mapped yet takes three steps: `import FILE > mapping.toml` guesses a mapping from
    the names of the columns; read and correct it; `import FILE --mapping mapping.toml --dry-run` shows the
    first books and what is wrong with which rows. The keys of a mapping are in docs/how-to/import-a-table.md.
    """
    interruptible()
    if mapping is None:
        with open_table(file, Form()) as lines:
            print(guessed(lines, file.name.partition(".")[0]))
        return
    wanted = mapping_named(mapping)
    with open_table(file, wanted.form) as lines:
        if dry_run:
            found = previewed(lines, wanted)
            print(found.as_json() if as_json_ else "\n".join(found.lines))
            return
        done = _published(lines, wanted, data, file.stat().st_size)
    if as_json_:
        print(as_json(done))
        return
    print(done)
    for line in reasons_of(done):
        print(f"  parked: {line}")


def _published(lines: Iterator[Line], mapping: Mapping, data: Path | None, size: int) -> Imported:
    settings = settings_for(data)
    prepare(settings)
    log, lake = open_event_log(settings.event_log_url), open_lake(settings.lake_url)
    try:
        with _progress(size) as show:
            return Importer(log, lake, mapping, SystemClock()).run(lines, show=show)
    finally:
        lake.close()
        log.close()


@contextmanager
def _progress(size: int) -> Iterator[Callable[[Imported], None]]:
    """A bar by bytes read on a terminal; nothing elsewhere, for a table is soon done."""
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
        yield lambda now: bar.update(task, completed=now.position, rows=now.rows, parked=now.parked)
