"""Refuses updates of blocks whose book isn't held: a part of a listing is no listing."""

from bookcore.catalogue import Catalogue, queries
from bookcore.catalogue.fold import find_baseless
from bookcore.events.message import Batch
from ingestor.accept import ValidatedBatch

_REASON = "blocks: updates a book that isn't held; ask the source for its full record, then redrive this one"


def refuse_baseless_updates(catalogue: Catalogue, batch: Batch, validated: ValidatedBatch) -> ValidatedBatch:
    """The batch with those updates among the rejected records."""
    updated = sorted({seen.book_id for seen in validated.observations if seen.blocks})
    if not updated:
        return validated
    with catalogue.begin_read() as connection:
        held = queries.get_books(connection, updated)
    baseless = find_baseless(validated.observations, {one.book.id for one in held if not one.deleted})
    accepted = validated.list_accepted(batch)
    return validated.reject(
        batch, {record.offset: _REASON for record, seen in accepted if seen.event_id in baseless}
    )
