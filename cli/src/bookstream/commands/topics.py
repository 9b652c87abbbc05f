"""`bookstream topics`: list the topics, or create and configure them."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bookcore.event_log import open_event_log
from bookcore.events.topics import TOPICS, Topic
from bookstream.commands.options import AsJson, Data
from bookstream.settings import Settings, load_settings
from bookstream.stores import require_data
from bookstream.topics import count_messages

_COLUMNS = ("topic", "messages", "key", "partitions", "kept", "made by", "read by")


class TopicsAction(StrEnum):
    """What `topics` does."""

    LIST = "list"
    APPLY = "apply"


def list_or_apply_topics(
    action: Annotated[
        TopicsAction,
        typer.Argument(help="`apply` creates them and sets their retention."),
    ] = TopicsAction.LIST,
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the topics, or create and configure them.

    The list has key, partitions, retention, producers, consumers and messages so far.
    """
    settings = load_settings(data)
    if action is TopicsAction.APPLY:
        _apply_topics(settings)
        return
    require_data(settings)
    log = open_event_log(settings.event_log_url)
    counts = {name: count_messages(log, name) for name in TOPICS}
    log.close()
    if as_json:
        print(json.dumps([{"topic": name, "messages": count} for name, count in counts.items()]))
        return
    table = Table(*_COLUMNS, box=None)
    for topic in TOPICS.values():
        table.add_row(*_format_row(topic, counts[topic.name]))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _apply_topics(settings: Settings) -> None:
    log = open_event_log(settings.event_log_url)
    for line in log.declare_topics():
        print(line)
    log.close()


def _format_row(topic: Topic, messages: int) -> tuple[str, ...]:
    days = "for ever" if topic.retention_days is None else f"{topic.retention_days} days"
    retention = f"{days}, newest per key" if topic.compacted else days
    producers, consumers = ", ".join(topic.producers), ", ".join(topic.consumers)
    return topic.name, str(messages), topic.key, str(topic.partitions), retention, producers, consumers
