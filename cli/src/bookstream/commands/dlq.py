"""`bookstream dlq list|show|redrive`: dead letters."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bookcore.event_log import EventLog, open_event_log
from bookcore.lake import Lake, open_lake
from bookstream import dead_letters
from bookstream.commands.options import Data
from bookstream.settings import load_settings
from bookstream.stores import require_data

HELP = """Dead letters: records that a consumer rejected.

They are stored unchanged, with the reason.

First fix the source or the consumer, then check with `redrive --dry-run`, then `redrive`: the records go back
to their topic. A record that is rejected again returns as a new dead letter with its attempts counted.
"""
Topic = Annotated[str | None, typer.Option(help="Only this topic, e.g. books.book.observed.v1.")]
_REASON_LENGTH = 100  # characters


def list_entries(
    *,
    topic: Topic = None,
    limit: Annotated[int, typer.Option(help="Most dead letters to print.", min=1)] = 100,
    data: Data = None,
) -> None:
    """Print one line for each dead letter (topic, offset, state, key, reason), then the totals."""
    printed = waiting = total = 0
    with _open_stores(data) as (log, _):
        for entry in dead_letters.list_dead_letters(log, topic):
            total += 1
            waiting += not entry.is_redriven
            if printed < limit:
                printed += 1
                _print_entry(entry)
    hidden = f" ({total - printed} not shown; use --limit)" if total > printed else ""
    print(f"{total} dead letters, {waiting} never redriven{hidden}")


def show(topic: str, offset: int, *, data: Data = None) -> None:
    """Print one dead letter: reason, origin, headers and value."""
    with _open_stores(data) as (log, lake):
        letter = dead_letters.get_dead_letter(log, topic, offset)
        original = dead_letters.restore_original(lake, letter)
    print(f"reason   {letter.reason}")
    print(f"from     {letter.topic}/{letter.partition}/{letter.offset}")
    print(f"parked   {letter.record.timestamp.isoformat()}   redriven {letter.redrive_count} times before")
    print(f"key      {letter.record.key}")
    for name, value in original.headers:
        print(f"header   {name}: {value.decode('utf-8', 'backslashreplace')}")
    print((original.value or b"(no value)").decode("utf-8", "backslashreplace"))


def redrive(
    *,
    topic: Topic = None,
    offset: Annotated[int | None, typer.Option(help="Only this offset of --topic.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, send nothing.")
    ] = False,
    data: Data = None,
) -> None:
    """Send the dead letters that were never redriven back to their topics."""
    if offset is not None and topic is None:
        raise typer.BadParameter("--offset needs --topic")
    with _open_stores(data) as (log, lake):
        if dry_run:
            print(f"{_print_matching(log, topic, offset)} would be sent; nothing was")
        elif offset is not None and topic is not None:
            dead_letters.redrive_one(log, lake, dead_letters.get_dead_letter(log, topic, offset))
            print("1 sent")
        else:
            sent = sum(
                dead_letters.redrive(log, lake, name) for name in dead_letters.list_dead_letter_topics(topic)
            )
            print(f"{sent} sent")


def create_group() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_entries)
    for verb in (show, redrive):
        group.command()(verb)
    return group


def _print_matching(log: EventLog, topic: str | None, offset: int | None) -> int:
    count = 0
    for entry in dead_letters.list_dead_letters(log, topic):
        if not entry.is_redriven if offset is None else entry.letter.record.offset == offset:
            count += 1
            _print_entry(entry)
    return count


def _print_entry(entry: dead_letters.DeadLetterEntry) -> None:
    letter = entry.letter
    mark = "redriven" if entry.is_redriven else "waiting"
    where = f"{letter.record.topic} {letter.record.offset:>8}"
    print(f"{where}  {mark:<8}  {letter.record.key:<40}  {letter.reason[:_REASON_LENGTH]}")


@contextmanager
def _open_stores(data: Path | None) -> Iterator[tuple[EventLog, Lake]]:
    settings = load_settings(data)
    require_data(settings)
    with ExitStack() as closing:
        log = open_event_log(settings.event_log_url)
        closing.callback(log.close)
        lake = open_lake(settings.lake_url)
        closing.callback(lake.close)
        yield log, lake
