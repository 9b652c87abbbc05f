"""`bookstream status`: how far each consumer is."""

import json
from datetime import UTC, datetime

from bookstream.commands.options import AsJson, Data
from bookstream.settings import load_settings
from bookstream.source_history import describe_runs, format_moment
from bookstream.status import PipelineStatus, read_status
from bookstream.stores import open_stores


def print_status(*, data: Data = None, as_json: AsJson = False) -> None:
    """Print consumer lag, number of books and their age, and the last runs of each source."""
    with open_stores(load_settings(data)) as stores:
        now = read_status(stores)
    if as_json:
        print(json.dumps(now.as_dict(), default=str))
        return
    for lag in now.pending.lags:
        print(f"{lag.group:<20} {lag.messages:>12} to do   ({lag.topic})")
    print(f"{'outbox':<20} {now.pending.outbox:>12}")
    print(f"{'catalogue':<20} {now.books:>12} books   (newest {_format_age(now)})")
    print(f"{'search':<20} {now.documents:>12} books")
    print(f"{'dead letters':<20} {now.dead_letters:>12}")
    for each in now.sources:
        next_due = each.last_run.next_due if each.last_run else None
        due = f" · due {format_moment(next_due)}" if next_due else ""
        print(f"{each.name:<20} {each.books:>12} books   ({describe_runs(each)}{due})")
    for source in now.paused:
        print(f"{'paused':<20} {source:>12}   (most of its records are rejected; see `bookstream dlq list`)")


def _format_age(now: PipelineStatus) -> str:
    if now.newest is None:
        return "never"
    return f"{(datetime.now(UTC) - now.newest).total_seconds():.0f} s ago"
