"""Events that the catalogue owes to the topics, written in the same transaction as the rows they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from bookcore.catalogue.tables import outbox
from bookcore.events.book import BookChanged, Event
from bookcore.events.codec import encode
from bookcore.events.message import Message
from bookcore.events.topics import CHANGED, STATE

_SOURCE = "ingestor/catalogue"


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to send; `sequence` is its place in line."""

    sequence: int
    topic: str
    message: Message


def enqueue(connection: Connection, events: Sequence[Event]) -> None:
    """Put events in line: changes to the changed topic, everything else to the state topic."""
    rows = []
    for event in events:
        message = encode(event, source=_SOURCE)
        rows.append(
            {
                "topic": CHANGED.name if isinstance(event, BookChanged) else STATE.name,
                "key": message.key,
                "value": message.value,
                "headers": [(name, value.decode()) for name, value in message.headers],
            }
        )
    if rows:
        connection.execute(insert(outbox), rows)


def first_owed(connection: Connection, limit: int) -> Sequence[Owed]:
    """The head of the line, in order."""
    rows = connection.execute(select(outbox).order_by(outbox.c.sequence).limit(limit)).mappings()
    return [
        Owed(
            row["sequence"],
            row["topic"],
            Message(row["key"], row["value"], tuple((n, v.encode()) for n, v in row["headers"])),
        )
        for row in rows
    ]


def settle(connection: Connection, through: int) -> None:
    """Take everything up to that place out of the line: it was sent."""
    connection.execute(delete(outbox).where(outbox.c.sequence <= through))


def count_owed(connection: Connection) -> int:
    """How long the line is."""
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
