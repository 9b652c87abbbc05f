"""`status`, `audit`, `export`, `topics`, `replay`: things that look, and one that rebuilds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from bookcore.catalogue import BookFilter, Catalogue
from bookcore.catalogue.export import export_csv, export_jsonl
from bookcore.event_log import open_event_log
from bookcore.events.topics import TOPICS, Topic
from bookstream import audit as ledger
from bookstream.settings import Settings, settings_for
from bookstream.status import Overview, end_of, overview
from bookstream.stores import opened, refuse_empty

Data = Annotated[Path | None, typer.Option(help="Folder of all data; default: BOOKSTREAM_DATA, or ./var.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Format(StrEnum):
    """How books are written."""

    JSONL = "jsonl"
    CSV = "csv"


class Act(StrEnum):
    """What `topics` does."""

    LIST = "list"
    APPLY = "apply"


def status(*, data: Data = None, as_json: AsJson = False) -> None:
    """How far each consumer is, how much is kept, and how fresh it is."""
    with opened(settings_for(data)) as stores:
        now = overview(stores)
    if as_json:
        print(json.dumps({**asdict(now), "settled": now.pending.settled}, default=str))
        return
    for lag in now.pending.lags:
        print(f"{lag.group:<20} {lag.messages:>12} to do   ({lag.topic})")
    print(f"{'outbox':<20} {now.pending.owed:>12}")
    print(f"{'catalogue':<20} {now.books:>12} books   (newest {_age(now)})")
    print(f"{'search':<20} {now.documents:>12} books")
    print(f"{'dead letters':<20} {now.parked:>12}")


def audit(*, data: Data = None) -> None:
    """Compare what crawls were told is safe with lake, catalogue and index; exit 1 if anything is amiss."""
    with opened(settings_for(data)) as stores:
        result = ledger.audit(stores)
    print(result)
    if not result.sound:
        raise typer.Exit(1)


def replay(
    *,
    data: Data = None,
    swap: Annotated[bool, typer.Option("--swap", help="Put the result in place; stop `up` first.")] = False,
) -> None:
    """Rebuild catalogue and index from the lake and compare them with the living ones."""
    _program(data, "ingestor", "replay", *(["--swap"] if swap else []))


def reextract(
    source: Annotated[str, typer.Argument(help="books_toscrape or sample_shop.")],
    *,
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, publish nothing.")] = False,
) -> None:
    """Read the stored pages with today's page objects and publish what they read otherwise; exit 1 if a page
    could not be read."""
    _program(data, "scraper", "reextract", source, *(["--dry-run"] if dry_run else []))


def _program(data: Path | None, *words: str) -> NoReturn:
    """Run one of the services' programs to its end and pass its exit code on."""
    settings = settings_for(data)
    refuse_empty(settings)
    environment = {**os.environ, "BOOKSTREAM_DATA": str(settings.data.absolute())}
    command = [sys.executable, "-m", *words]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def export(
    *,
    data: Data = None,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    format: Annotated[Format, typer.Option(help="JSON Lines or CSV.")] = Format.JSONL,  # noqa: A002
) -> None:
    """Write every book of the catalogue, by id, in constant memory."""
    with opened(settings_for(data)) as stores:
        if output is None:
            _write(sys.stdout.buffer, _blocks(stores.catalogue, format))
        else:
            with output.open("wb") as file:
                _write(file, _blocks(stores.catalogue, format))


def topics(
    act: Annotated[Act, typer.Argument(help="`apply` makes them and sets how long they keep.")] = Act.LIST,
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Every topic: what it carries, who makes and reads it, and how many messages it has had."""
    settings = settings_for(data)
    if act is Act.APPLY:
        _apply(settings)
        return
    refuse_empty(settings)
    log = open_event_log(settings.event_log_url)
    counts = {name: end_of(log, name) for name in TOPICS}
    log.close()
    if as_json:
        print(json.dumps([{"topic": name, "messages": count} for name, count in counts.items()]))
        return
    table = Table("topic", "messages", "key", "partitions", "kept", "made by", "read by", box=None)
    for topic in TOPICS.values():
        table.add_row(*_row(topic, counts[topic.name]))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _apply(settings: Settings) -> None:
    log = open_event_log(settings.event_log_url)
    for line in log.declare_topics():
        print(line)
    log.close()


def _row(topic: Topic, messages: int) -> tuple[str, ...]:
    days = "for ever" if topic.retention_days is None else f"{topic.retention_days} days"
    kept = f"{days}, newest per key" if topic.compacted else days
    made, read = ", ".join(topic.producers), ", ".join(topic.consumers)
    return topic.name, str(messages), topic.key, str(topic.partitions), kept, made, read


def _age(now: Overview) -> str:
    if now.newest is None:
        return "never"
    return f"{(datetime.now(UTC) - now.newest).total_seconds():.0f} s ago"


def _blocks(catalogue: Catalogue, format: Format) -> Iterator[bytes]:  # noqa: A002 - the flag's name
    blocks = export_csv if format is Format.CSV else export_jsonl
    return blocks(catalogue, BookFilter())


def _write(file: IO[bytes], blocks: Iterator[bytes]) -> None:
    for block in blocks:
        file.write(block)
    file.flush()
