"""Features and training data, as models see them."""

import math
from collections.abc import Iterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from bookcore.domain.book import Money
from bookcore.domain.errors import NotFound
from bookcore.kit.openapi import describe_problems
from bookcore.lake import Lake
from bookml import snapshot
from bookml.features import NAMES, NUMBERS, VERSION, compute_features
from bookml.snapshot import SnapshotManifest, SnapshotRow
from ml_api.routes.dependencies import State
from ml_api.routes.schemas import FeaturesOut, ViewOut

router = APIRouter(tags=["training data"])
_BLOCK = 500


@router.get("/ml/features", operation_id="get_features", responses=describe_problems("not-found"))
def get_features(
    parts: State, book_id: Annotated[str | None, Query(max_length=170)] = None
) -> FeaturesOut | ViewOut:
    """The features of a book as a prediction would see them now; without a book, which features there are."""
    if book_id is None:
        return ViewOut(view=VERSION, numbers=list(NUMBERS), names=list(NAMES))
    found = parts.online.get([book_id]).get(book_id)
    if found is None or found.facts is None:
        raise NotFound("no such book")
    made = compute_features(found.facts)
    numbers = {n: None if math.isnan(v) else v for n, v in zip(NUMBERS, made.numbers, strict=True)}
    return FeaturesOut(
        book_id=book_id,
        view=VERSION,
        version=found.version,
        numbers=numbers,
        names=dict(zip(NAMES, made.names, strict=True)),
        words=len(made.places),
    )


@router.get(
    "/ml/training-data",
    operation_id="get_training_data",
    response_class=StreamingResponse,
    responses=describe_problems("not-found"),
)
def get_training_data(
    parts: State,
    source: Annotated[str, Query(pattern="^[a-z0-9_]{1,40}$")],
    snapshot_id: Annotated[str | None, Query(alias="snapshot", max_length=64)] = None,
    category: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
) -> StreamingResponse:
    """The rows of a snapshot as JSON Lines, by id: id, price, currency, work, and the facts of the book.

    Without `snapshot` it is the one that the newest model of the source was trained on; the header
    `X-Snapshot` names it, so that the same rows can be had again. Memory stays flat, whatever the size.
    """
    name = snapshot_id or parts.models.get_for_source(source, None).newest.snapshot
    try:
        manifest = snapshot.read_manifest(parts.lake, name)
        blocks = _read_blocks(parts.lake, manifest, category, limit)
        first = next(blocks, b"")  # whatever is amiss with the snapshot is told before the answer has begun
    except NotFound as error:  # the lake would say where it has looked
        raise NotFound("there is no such snapshot of this source") from error
    if manifest.source != source:
        raise NotFound("there is no such snapshot of this source")
    headers = {"X-Snapshot": manifest.id, "X-Rows": str(manifest.rows)}
    return StreamingResponse(_chain(first, blocks), media_type="application/jsonl", headers=headers)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _read_blocks(
    lake: Lake, manifest: SnapshotManifest, category: str | None, limit: int | None
) -> Iterator[bytes]:
    block: list[bytes] = []
    left = limit
    for example in snapshot.stream_rows(lake, manifest):
        if category is not None and example.facts.category != category:
            continue
        block.append(orjson.dumps(_format_line(example, manifest.currency), option=orjson.OPT_APPEND_NEWLINE))
        left = None if left is None else left - 1
        if len(block) == _BLOCK or left == 0:
            yield b"".join(block)
            block = []
        if left == 0:
            return
    yield b"".join(block)


def _format_line(example: SnapshotRow, currency: str) -> dict[str, object]:
    price = {"price": Money(example.price, currency).plain, "currency": currency}
    return {
        "id": example.id,
        "version": example.event_time,
        **price,
        "work": example.work,
        **example.facts.as_dict,
    }
