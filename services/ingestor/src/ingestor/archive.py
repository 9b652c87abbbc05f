"""First of all a batch goes to the lake: raw, with coordinates, under a name that a second try meets."""

from dataclasses import dataclass

from bookcore.events.message import Batch
from bookcore.lake import Lake
from bookcore.lake.layout import batch_key, pack_records, unpack_records


@dataclass(frozen=True, slots=True)
class Archived:
    """What is in the lake for sure, and where."""

    batch: Batch
    key: str


def archive(lake: Lake, batch: Batch) -> Archived:
    """Put the batch in the lake.

    When an earlier try got there first, its content counts, which may be shorter: the caller does that much
    and goes on after its last offset. Idempotent by topic, partition and first offset.
    """
    key = batch_key(batch)
    if lake.put(key, pack_records(batch.records)):
        return Archived(batch, key)
    return Archived(Batch(batch.topic, batch.partition, unpack_records(lake.get(key))), key)
