"""Events that the catalogue owes to the topics, written in the same transaction as the rows they tell of."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, delete, func, select

from bookcore.catalogue.fold import BookTransition
from bookcore.catalogue.rows import Row
from bookcore.catalogue.tables import outbox
from bookcore.events.encoder import EventEncoder
from bookcore.events.message import Message

_SOURCE = "ingestor/catalogue"
_SENDER_LOCK = 7_112_201
"""Of PostgreSQL's advisory locks; per database."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message to send; `sequence` is its place in line."""

    sequence: int
    topic: str
    message: Message


def build_outbox_rows(turns: Iterable[BookTransition]) -> Iterator[Row]:
    """The line's rows, in order, made as they are asked for: what changed, then the book as it is now."""
    tell = EventEncoder.create(_SOURCE)
    for turn in turns:
        for topic, message in tell.encode_transition(turn.kind, after=turn.after, before=turn.before):
            headers = [(name, value.decode()) for name, value in message.headers]
            yield {"topic": topic, "key": message.key, "value": message.value, "headers": headers}


def read_next_messages(connection: Connection, limit: int) -> Sequence[OutboxMessage]:
    """The head of the line, in order."""
    rows = connection.execute(select(outbox).order_by(outbox.c.sequence).limit(limit)).mappings()
    return [
        OutboxMessage(
            row["sequence"],
            row["topic"],
            Message(row["key"], row["value"], tuple((n, v.encode()) for n, v in row["headers"])),
        )
        for row in rows
    ]


def delete_sent(connection: Connection, sent: Sequence[OutboxMessage]) -> None:
    """Take exactly these out of the line.

    Not all up to a place: an earlier one may have been committed after these were read.
    """
    places = sorted(one.sequence for one in sent)
    for _, run in groupby(enumerate(places), key=lambda at: at[1] - at[0]):
        numbers = [place for _, place in run]
        connection.execute(delete(outbox).where(outbox.c.sequence.between(numbers[0], numbers[-1])))


def acquire_sender_lock(connection: Connection) -> bool:
    """Whether this transaction alone may send now; SQLite's write lock says so already."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_SENDER_LOCK))).scalar_one())


def count_messages(connection: Connection) -> int:
    """How long the line is."""
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
