"""Features and training data of models."""

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
    state: State, book_id: Annotated[str | None, Query(max_length=170)] = None
) -> FeaturesOut | ViewOut:
    """The current features of a book; without `book_id` the names of all features."""
    if book_id is None:
        return ViewOut(view=VERSION, numbers=list(NUMBERS), names=list(NAMES))
    stored = state.online.get([book_id]).get(book_id)
    if stored is None or stored.facts is None:
        raise NotFound("no such book")
    features = compute_features(stored.facts)
    numbers = {n: None if math.isnan(v) else v for n, v in zip(NUMBERS, features.numbers, strict=True)}
    return FeaturesOut(
        book_id=book_id,
        view=VERSION,
        version=stored.version,
        numbers=numbers,
        names=dict(zip(NAMES, features.names, strict=True)),
        words=len(features.places),
    )


@router.get(
    "/ml/training-data",
    operation_id="get_training_data",
    response_class=StreamingResponse,
    responses=describe_problems("not-found"),
)
def get_training_data(
    state: State,
    source: Annotated[str, Query(pattern="^[a-z0-9_]{1,40}$")],
    snapshot_id: Annotated[str | None, Query(alias="snapshot", max_length=64)] = None,
    category: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
) -> StreamingResponse:
    """The rows of a snapshot as JSON Lines, ordered by id: id, price, currency, work, and the facts of the
    book.

    Without `snapshot` the rows that the newest model of the source was trained on; the response header
    `X-Snapshot` names the snapshot, so that the same rows can be requested again. Streams in constant memory.
    """
    name = snapshot_id or state.models.get_for_source(source, None).newest.snapshot
    try:
        manifest = snapshot.read_manifest(state.lake, name)
        blocks = _read_blocks(state.lake, manifest, category, limit)
        first = next(blocks, b"")  # errors of the snapshot are raised before the response has started
    except NotFound as error:  # the lake's message has its path
        raise NotFound("no such snapshot of this source") from error
    if manifest.source != source:
        raise NotFound("no such snapshot of this source")
    headers = {"X-Snapshot": manifest.id, "X-Rows": str(manifest.rows)}
    return StreamingResponse(_stream_blocks(first, blocks), media_type="application/jsonl", headers=headers)


def _stream_blocks(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
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
