"""Stores the raw batch before anything else, under a deterministic key, so that a retry finds it."""

from dataclasses import dataclass

from bookcore.domain.errors import Invalid
from bookcore.events.message import Batch
from bookcore.lake import Lake
from bookcore.lake.layout import make_batch_key, pack_records, unpack_records


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it is in the lake."""

    batch: Batch
    key: str


def archive_batch(lake: Lake, batch: Batch) -> StoredBatch:
    """Store the batch in the lake.

    If an earlier try stored it, that content counts, which may be shorter: the caller processes that part and
    continues after its last offset. Idempotent by topic, partition and first offset.
    Raises: Invalid when the lake has other records under these coordinates.
    """
    key = make_batch_key(batch)
    if lake.put(key, pack_records(batch.records)):
        return StoredBatch(batch, key)
    stored = unpack_records(lake.get(key))
    if any(record != archived for record, archived in zip(batch.records, stored, strict=False)):
        raise Invalid(
            f"the lake's {key} holds other records than the event log: the log was replaced;"
            " bring it back, or start with a fresh data folder"
        )
    return StoredBatch(Batch(batch.topic, batch.partition, stored), key)
