"""The transactional outbox: events written in the same transaction as the rows that they describe."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, delete, func, select

from bookcore.catalogue.fold import BookTransition
from bookcore.catalogue.rows import Row
from bookcore.catalogue.tables import outbox
from bookcore.events.encoder import EventEncoder
from bookcore.events.message import Message
from bookcore.kit.tracing.context import TRACEPARENT

_SOURCE = "ingestor/catalogue"
_SENDER_LOCK = 7_112_201
"""Of PostgreSQL's advisory locks; per database."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message to send; `sequence` is its position in the outbox."""

    sequence: int
    topic: str
    message: Message


def build_outbox_rows(turns: Iterable[BookTransition]) -> Iterator[Row]:
    """Rows of the outbox, built lazily and in order: per book the change, then the new state."""
    tell = EventEncoder.create(_SOURCE)
    for turn in turns:
        for topic, message in tell.encode_transition(turn.kind, after=turn.after, before=turn.before):
            headers = [(name, value.decode()) for name, value in message.headers]
            if turn.traceparent:
                headers.append((TRACEPARENT, turn.traceparent))
            yield {"topic": topic, "key": message.key, "value": message.value, "headers": headers}


def read_next_messages(connection: Connection, limit: int) -> Sequence[OutboxMessage]:
    """The oldest messages, in order."""
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
    """Deletes exactly these messages.

    A range up to the last one could delete a message whose transaction committed after these were read.
    """
    places = sorted(one.sequence for one in sent)
    for _, run in groupby(enumerate(places), key=lambda at: at[1] - at[0]):
        numbers = [place for _, place in run]
        connection.execute(delete(outbox).where(outbox.c.sequence.between(numbers[0], numbers[-1])))


def acquire_sender_lock(connection: Connection) -> bool:
    """Whether this transaction is the only sender; on SQLite its write lock is enough."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_SENDER_LOCK))).scalar_one())


def count_messages(connection: Connection) -> int:
    """Length of the outbox."""
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
