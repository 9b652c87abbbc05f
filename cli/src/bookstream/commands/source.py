"""`bookstream source list|show|new|try`: the sources, and how a new one is made."""

from typing import Annotated

import typer

from bookcore.catalogue.runs import SourceOverview
from bookcore.domain.errors import Invalid
from booksources.sources.definition import SourceDefinition
from booksources.sources.own_reader import get_reader
from bookstream.commands.options import Data
from bookstream.settings import Settings, load_settings
from bookstream.source_folders import create_source, scan_source_folders
from bookstream.source_history import describe_due, describe_runs, read_history
from bookstream.source_trial import fetch_document, read_document

HELP = """The sources that can be crawled, and how a new one is made.

A source is a folder with a source.toml; your own are in BOOKSTREAM_SOURCES (default: sources in the data
folder). `source new` makes one from the address of a page, `source try` shows what is read of a page.
"""
Name = Annotated[str, typer.Argument(help="Name of the source: a-z, 0-9 and _.")]


def list_sources(*, data: Data = None) -> None:
    """List the sources, with where each begins, its schedule and its last runs.

    A folder at fault has its fault. `bookstream up` keeps the schedules; `--no-schedules` turns them off.
    """
    settings = load_settings(data)
    registry, history = scan_source_folders(settings), read_history(settings)
    for name, definition in sorted(registry.definitions.items()):
        print(f"{name:<20}{definition.reader_label:<30}{definition.start[0]}")
        if definition.schedule or name in history:
            print(f"{'':<20}{_describe_history(definition, history.get(name))}")
    for fault in registry.faults.values():
        print(f"at fault: {fault}")


def show_source(name: Name, *, data: Data = None) -> None:
    """Print what a source declares, its last runs, and when the next one is due."""
    settings = load_settings(data)
    definition = scan_source_folders(settings).find(name)
    for key, value in definition.model_dump(mode="json", exclude_defaults=True, exclude={"schedule"}).items():
        print(f"{key:<16}{', '.join(value) if isinstance(value, list) else value}")
    print(f"{'extractor':<16}{definition.version}")
    print(f"{'runs':<16}{_describe_history(definition, read_history(settings).get(name))}")


def make_source(
    name: Name,
    url: Annotated[str, typer.Argument(help="Address of the shop or of a book's page.")],
    *,
    data: Data = None,
) -> None:
    """Make a source from a page: fetch it politely, find the reader that fits, write its folder."""
    create_source(load_settings(data), name, url)


def try_source(
    name: Name,
    url: Annotated[str | None, typer.Argument(help="A page; default: the saved one.")] = None,
    *,
    data: Data = None,
) -> None:
    """Show what is read of a page: fields, remarks, links, and what is refused. Nothing is stored."""
    settings = load_settings(data)
    definition = scan_source_folders(settings).find(name)
    if definition.reader is None:
        raise Invalid(f"{name} has page objects, which only a crawl applies; try works for readers")
    page = url or _find_page(settings, name) or definition.start[0]
    document = fetch_document(page, settings.data, source=name)
    reader = get_reader(definition)
    reading = read_document(document, definition.reader, definition.profile, reader)
    print(f"{definition.reader} read {document.url}: {len(reading.listings)} book(s)")
    print("\n".join(reading.iterate_lines()))


def create_group() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_sources)
    group.command("show")(show_source)
    group.command("new")(make_source)
    group.command("try")(try_source)
    return group


def _describe_history(definition: SourceDefinition, known: SourceOverview | None) -> str:
    runs, schedule = describe_runs(known), definition.schedule
    return f"{schedule} · {runs} · {describe_due(schedule, known)}" if schedule else runs


def _find_page(settings: Settings, name: str) -> str | None:
    """The page from which the source was made."""
    place = settings.sources_folder / name / "cases" / "first" / "url.txt"
    return place.read_text().strip() if place.exists() else None
