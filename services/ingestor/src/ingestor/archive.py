"""First of all a batch goes to the lake: raw, with coordinates, under a name that a second try meets."""

from dataclasses import dataclass

from bookcore.domain.errors import Invalid
from bookcore.events.message import Batch
from bookcore.lake import Lake
from bookcore.lake.layout import make_batch_key, pack_records, unpack_records


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What is in the lake for sure, and where."""

    batch: Batch
    key: str


def archive_batch(lake: Lake, batch: Batch) -> StoredBatch:
    """Put the batch in the lake.

    When an earlier try got there first, its content counts, which may be shorter: the caller does that much
    and goes on after its last offset. Idempotent by topic, partition and first offset.
    Raises: Invalid when the lake has other records under these coordinates.
    """
    key = make_batch_key(batch)
    if lake.put(key, pack_records(batch.records)):
        return StoredBatch(batch, key)
    stored = unpack_records(lake.get(key))
    if any(mine != theirs for mine, theirs in zip(batch.records, stored, strict=False)):
        raise Invalid(
            f"the lake's {key} holds other records than the event log: the log was replaced;"
            " bring it back, or start with a fresh data folder"
        )
    return StoredBatch(Batch(batch.topic, batch.partition, stored), key)
