"""What the catalogue reads from topics that are not archived in the lake."""

from sqlalchemy import Connection, Table, delete, insert, select, update

from bookcore.catalogue.tables import (
    category_decisions,
    change_entries,
    change_feed,
    crawl_runs,
    offsets,
    source_pauses,
)
from bookcore.events.topics import CATEGORY, CHANGED, RUN

_TABLES = (crawl_runs, source_pauses, category_decisions, change_feed, change_entries)
_TOPICS = (RUN, CATEGORY, CHANGED)
_CHUNK = 5_000


def advance_offset(connection: Connection, topic: str, partition: int, end: int) -> None:
    """First in the transaction: a swap of catalogues locks this table to keep writers out."""
    here = (offsets.c.topic == topic) & (offsets.c.partition == partition)
    moved = connection.execute(update(offsets).where(here).values(next=end))
    if not moved.rowcount:
        connection.execute(insert(offsets).values(topic=topic, partition=partition, next=end))


def copy_rows(live: Connection, rebuilt: Connection) -> None:
    """A catalogue that is rebuilt from the lake takes these rows and offsets from the live one."""
    for table in _TABLES:
        _copy_table(live, rebuilt, table)
    for row in live.execute(select(offsets).where(offsets.c.topic.in_([topic.name for topic in _TOPICS]))):
        advance_offset(rebuilt, row.topic, row.partition, row.next)


def _copy_table(live: Connection, rebuilt: Connection, table: Table) -> None:
    rebuilt.execute(delete(table))
    rows = live.execution_options(yield_per=_CHUNK).execute(select(table)).mappings()
    for chunk in rows.partitions():
        rebuilt.execute(insert(table), [dict(row) for row in chunk])
