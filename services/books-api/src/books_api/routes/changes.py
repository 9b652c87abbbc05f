"""The feed of changes."""

import re
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from bookcore.catalogue import change_feed
from bookcore.catalogue.change_feed import ChangeFilter, EntryKind, FeedState
from bookcore.domain.errors import Invalid
from bookcore.kit.book_filters import Currencies
from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from bookcore.kit.query_parameters import CommaSeparated, CommasInside
from books_api.change_schemas import ChangeOut, ChangePage
from books_api.dependencies import Dependencies, Deps, SourceNames

router = APIRouter(tags=["changes"])
_ANY = "repeat the parameter or separate by commas"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:.*", re.ASCII)


def _refuse_numbers(text: object) -> object:
    """pydantic takes a number as seconds since 1970."""
    if isinstance(text, str) and not _MOMENT.fullmatch(text):
        raise ValueError("must be a moment with its offset, like 2026-11-01T00:00:00Z")
    return text


class ChangeParams(BaseModel):
    """Which changes, from where on, and how many."""

    since: Annotated[
        AwareDatetime | None,
        BeforeValidator(_refuse_numbers),
        Field(
            description="recorded then or later; without `since` and `cursor` the oldest come first",
            examples=["2026-11-01T00:00:00Z"],
        ),
    ] = None
    cursor: Annotated[
        str | None, Field(max_length=2_000, description="`next` of the page before, however long ago")
    ] = None
    kind: Annotated[
        tuple[EntryKind, ...],
        Field(max_length=10, description=f"kinds of changes; {_ANY}", examples=[["price_drop"]]),
        CommaSeparated,
    ] = ()
    source: SourceNames = ()
    category: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Field(
            max_length=50,
            description="exact names, as books have them now. Repeat the parameter for several",
            examples=[["Poetry"]],
        ),
        CommasInside,
    ] = ()
    currency: Currencies = ()
    book_id: Annotated[
        str | None,
        Field(max_length=200, description="of this book only", examples=["books_toscrape:a897fe39b1053632"]),
    ] = None
    min_percent: Annotated[
        Decimal | None,
        Field(
            ge=0,
            le=1_000,
            decimal_places=2,
            allow_inf_nan=False,
            description="changes of the price by so many percent or more, down or up",
            examples=["10"],
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="most changes of the page")] = 100

    def to_filter(self) -> ChangeFilter:
        return ChangeFilter(
            kind=self.kind,
            source=self.source,
            category=self.category,
            currency=self.currency,
            book_id=self.book_id,
            min_percent=self.min_percent,
        )


@router.get(
    "/changes", operation_id="list_changes", responses=describe_problems("bad-cursor", "no-longer-kept")
)
def list_changes(deps: Deps, params: Annotated[ChangeParams, Query()]) -> ChangePage:
    """List what became of books, oldest first: new ones, gone ones, prices, stock. Nothing is left out
    between a page and the one that its `next` gives; the filters may be others then."""
    if params.since and params.cursor:
        raise Invalid("can't be combined with cursor", field="since")
    with deps.catalogue.begin_read() as connection:
        state = change_feed.read_state(connection)
        after = state.pruned
        if params.cursor:
            after = _read_cursor(deps, params.cursor, state)
        elif params.since:
            after = _require_kept(change_feed.find_place(connection, params.since))
        found, place, has_more = change_feed.list_changes(
            connection, params.to_filter(), after=after, limit=params.limit
        )
    following = deps.cursors.encode_number(place, f"changes of {state.epoch}")
    return ChangePage(
        items=[ChangeOut.from_entry(entry) for entry in found], next=following, has_more=has_more
    )


def _read_cursor(deps: Dependencies, cursor: str, state: FeedState) -> int:
    after = deps.cursors.decode_number(cursor, f"changes of {state.epoch}")
    if after < state.pruned:
        raise ProblemError("no-longer-kept", "cursor: changes after it are deleted")
    return after


def _require_kept(place: int | None) -> int:
    if place is None:
        raise ProblemError("no-longer-kept", "since: changes of that time are deleted")
    return place
