"""What the catalogue reads from topics that are kept forever and not archived in the lake."""

from sqlalchemy import Connection, insert, select, update

from bookcore.catalogue.tables import category_decisions, crawl_runs, offsets, source_pauses
from bookcore.events.topics import CATEGORY, RUN

_TABLES = (crawl_runs, source_pauses, category_decisions)
_TOPICS = (RUN, CATEGORY)


def advance_offset(connection: Connection, topic: str, partition: int, end: int) -> None:
    """First in the transaction: a swap of catalogues locks this table to keep writers out."""
    here = (offsets.c.topic == topic) & (offsets.c.partition == partition)
    moved = connection.execute(update(offsets).where(here).values(next=end))
    if not moved.rowcount:
        connection.execute(insert(offsets).values(topic=topic, partition=partition, next=end))


def copy_rows(live: Connection, rebuilt: Connection) -> None:
    """A catalogue that is rebuilt from the lake takes these rows and offsets from the live one."""
    for table in _TABLES:
        if rows := [dict(row) for row in live.execute(select(table)).mappings()]:
            rebuilt.execute(insert(table), rows)
    for row in live.execute(select(offsets).where(offsets.c.topic.in_([topic.name for topic in _TOPICS]))):
        advance_offset(rebuilt, row.topic, row.partition, row.next)
