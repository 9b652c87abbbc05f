"""`dlq list|show|redrive`: what could not be accepted, why, and sending it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bookcore.event_log import EventLog, open_event_log
from bookstream import dead_letters as letters
from bookstream.settings import settings_for
from bookstream.stores import refuse_empty

HELP = """Dead letters: records that a consumer could not accept, as they were, with the reason.

Mend the source or the reader first, look with `redrive --dry-run`, then `redrive`: the records go to the
topic that they came from. What still can't be accepted comes back as a new letter with its tries counted.
"""
Data = Annotated[Path | None, typer.Option(help="Folder of all data; default: BOOKSTREAM_DATA, or ./var.")]
Topic = Annotated[str | None, typer.Option(help="Of this topic only, e.g. books.book.observed.v1.")]
_SHOWN = 100


def list_letters(
    *,
    topic: Topic = None,
    limit: Annotated[int, typer.Option(help="Letters to show at the most.", min=1)] = 100,
    data: Data = None,
) -> None:
    """One line for each: topic, offset of the letter, key, tries, reason; sums by topic at the end."""
    shown = waiting = total = 0
    with _log(data) as log:
        for kept in letters.letters(log, topic):
            total += 1
            waiting += not kept.is_redriven
            if shown < limit:
                shown += 1
                _line(kept)
    hidden = f" ({total - shown} not shown; use --limit)" if total > shown else ""
    print(f"{total} dead letters, {waiting} never redriven{hidden}")


def show(topic: str, offset: int, *, data: Data = None) -> None:
    """A letter whole: where it stood, why it was parked, headers and value."""
    with _log(data) as log:
        letter = letters.letter_at(log, topic, offset)
    print(f"reason   {letter.reason}")
    print(f"from     {letter.topic}/{letter.partition}/{letter.offset}")
    print(f"parked   {letter.record.timestamp.isoformat()}   redriven {letter.redrive_count} times before")
    print(f"key      {letter.record.key}")
    for name, value in letter.original.headers:
        print(f"header   {name}: {value.decode('utf-8', 'backslashreplace')}")
    print((letter.record.value or b"(no value)").decode("utf-8", "backslashreplace"))


def redrive(
    *,
    topic: Topic = None,
    offset: Annotated[int | None, typer.Option(help="Only this letter of --topic.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, send nothing.")] = False,
    data: Data = None,
) -> None:
    """Send letters again that weren't before, to the topics that they came from."""
    if offset is not None and topic is None:
        raise typer.BadParameter("--offset needs --topic")
    with _log(data) as log:
        if dry_run:
            print(f"{_would_send(log, topic, offset)} would be sent; nothing was")
        elif offset is not None and topic is not None:
            letters.redrive_one(log, letters.letter_at(log, topic, offset))
            print("1 sent")
        else:
            sent = sum(letters.redrive(log, name) for name in letters.dead_letter_topics(topic))
            print(f"{sent} sent")


def dlq() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_letters)
    for verb in (show, redrive):
        group.command()(verb)
    return group


def _would_send(log: EventLog, topic: str | None, offset: int | None) -> int:
    count = 0
    for kept in letters.letters(log, topic):
        if not kept.is_redriven if offset is None else kept.letter.record.offset == offset:
            count += 1
            _line(kept)
    return count


def _line(kept: letters.Kept) -> None:
    letter = kept.letter
    mark = "redriven" if kept.is_redriven else "waiting"
    where = f"{letter.record.topic} {letter.record.offset:>8}"
    print(f"{where}  {mark:<8}  {letter.record.key:<40}  {letter.reason[:_SHOWN]}")


@contextmanager
def _log(data: Path | None) -> Iterator[EventLog]:
    settings = settings_for(data)
    refuse_empty(settings)
    log = open_event_log(settings.event_log_url)
    try:
        yield log
    finally:
        log.close()
