"""Events that the catalogue owes to the topics, written in the same transaction as the rows they tell of."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, delete, func, select

from bookcore.catalogue.fold import Turn
from bookcore.catalogue.rows import Values
from bookcore.catalogue.tables import outbox
from bookcore.events.encoder import Teller
from bookcore.events.message import Message

_SOURCE = "ingestor/catalogue"
_SENDERS_LOCK = 7_112_201
"""Of PostgreSQL's advisory locks; per database."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to send; `sequence` is its place in line."""

    sequence: int
    topic: str
    message: Message


def rows_of(turns: Iterable[Turn]) -> Iterator[Values]:
    """The line's rows, in order, made as they are asked for: what changed, then the book as it is now."""
    tell = Teller.of(_SOURCE)
    for turn in turns:
        for topic, message in tell.turn(turn.kind, now=turn.now, before=turn.before):
            headers = [(name, value.decode()) for name, value in message.headers]
            yield {"topic": topic, "key": message.key, "value": message.value, "headers": headers}


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


def settle(connection: Connection, sent: Sequence[Owed]) -> None:
    """Take exactly these out of the line.

    Not all up to a place: an earlier one may have been committed after these were read.
    """
    places = sorted(one.sequence for one in sent)
    for _, run in groupby(enumerate(places), key=lambda at: at[1] - at[0]):
        numbers = [place for _, place in run]
        connection.execute(delete(outbox).where(outbox.c.sequence.between(numbers[0], numbers[-1])))


def only_sender(connection: Connection) -> bool:
    """Whether this transaction alone may send now; SQLite's write lock says so already."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_SENDERS_LOCK))).scalar_one())


def count_owed(connection: Connection) -> int:
    """How long the line is."""
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
