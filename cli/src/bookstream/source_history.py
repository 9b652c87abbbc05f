"""What the catalogue knows of a source's runs, in lines for people."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime

from bookcore.catalogue import open_catalogue
from bookcore.catalogue.runs import SourceOverview, list_sources
from bookcore.domain.errors import NotFound
from bookcore.events.crawl import RunReported
from booksources.sources.schedule import Schedule
from bookstream.settings import Settings
from bookstream.stores import require_data


def read_history(settings: Settings) -> Mapping[str, SourceOverview]:
    """Sources that have runs or books, by name; none without data. Raises: Unavailable."""
    try:
        require_data(settings)
    except NotFound:
        return {}
    with closing(open_catalogue(settings.catalogue_url)) as catalogue, catalogue.begin_read() as connection:
        return {source.name: source for source in list_sources(connection)}


def describe_runs(source: SourceOverview | None) -> str:
    """The last run, and the last complete one where that is another."""
    last, complete = (source.last_run, source.last_complete) if source else (None, None)
    if last is None:
        return "never ran"
    text = f"last run {_describe(last)}"
    if complete is None:
        return f"{text} · never complete"
    return text if complete.run == last.run else f"{text} · last complete {_describe(complete)}"


def describe_due(schedule: Schedule, source: SourceOverview | None) -> str:
    """When the next run is due: a source that never ran is due at once."""
    last = source.last_run if source else None
    due = schedule.compute_due(last.started_at) if last else None
    return f"due {format_moment(due)}" if due and due > datetime.now(UTC) else "due now"


def _describe(run: RunReported) -> str:
    outcome = "lost, its process has died" if run.is_lost(datetime.now(UTC)) else run.outcome.value
    return f"{format_moment(run.started_at)} {outcome}, {run.books} books"


def format_moment(moment: datetime) -> str:
    """To the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
