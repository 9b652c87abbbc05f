"""Features and training data of models."""

import math
from collections.abc import Iterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from bookcore.domain.book import Money
from bookcore.domain.errors import NotFound
from bookcore.kit.book_filters import check_listed_names
from bookcore.kit.openapi import JSON_LINES, describe_problems, describe_stream
from bookcore.lake import Lake
from bookml import snapshot
from bookml.features import NAMES, NUMBERS, VERSION, compute_features
from bookml.snapshot import SnapshotManifest, SnapshotRow
from ml_api.routes.dependencies import State
from ml_api.routes.schemas import FeaturesOut, RowSelection, ViewOut

router = APIRouter(tags=["training data"])
_BLOCK = 500
_EXAMPLE = '{"id": "books_toscrape:a897fe39b1053632", "price": "51.77", "currency": "GBP"}\n'
"""Shortened: a line has all facts of a book."""


@router.get("/ml/features", operation_id="get_features", responses=describe_problems("not-found"))
def get_features(
    state: State,
    book_id: Annotated[
        str | None,
        Query(
            max_length=170,
            description="a book of the catalogue",
            examples=["books_toscrape:a897fe39b1053632"],
        ),
    ] = None,
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
    responses={200: describe_stream({JSON_LINES: _EXAMPLE}), **describe_problems("not-found")},
)
def get_training_data(state: State, selection: Annotated[RowSelection, Query()]) -> StreamingResponse:
    """The rows of a snapshot as JSON Lines, ordered by id: id, price, currency, work, and the facts of the
    book.

    Without `snapshot` the rows that the newest model of the source was trained on; the response header
    `X-Snapshot` names the snapshot, so that the same rows can be requested again. Streams in constant memory.
    A row is flat, as tables want it: `price` and `currency` are columns.
    """
    source, lake = selection.source, state.lake
    currency = selection.currency
    name = selection.snapshot or state.models.get_for_source(source, currency).newest.snapshot
    try:
        manifest = snapshot.read_manifest(lake, name)
        check_listed_names(selection.category, lambda category: _has_category(lake, manifest, category))
        blocks = read_blocks(lake, manifest, selection)
        first = next(blocks, b"")  # errors of the snapshot are raised before the response has started
    except NotFound as error:  # the lake's message has its path
        raise NotFound("no such snapshot of this source") from error
    if manifest.source != source or currency not in (None, manifest.currency):
        raise NotFound("no such snapshot of this source")
    headers = {"X-Snapshot": manifest.id, "X-Rows": str(manifest.rows)}
    return StreamingResponse(_stream_blocks(first, blocks), media_type=JSON_LINES, headers=headers)


def _stream_blocks(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _has_category(lake: Lake, manifest: SnapshotManifest, category: str) -> bool:
    return any(row.facts.category == category for row in snapshot.stream_rows(lake, manifest))


def read_blocks(lake: Lake, manifest: SnapshotManifest, selection: RowSelection) -> Iterator[bytes]:
    block: list[bytes] = []
    left = selection.limit
    for example in snapshot.stream_rows(lake, manifest):
        if selection.category and example.facts.category not in selection.category:
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
