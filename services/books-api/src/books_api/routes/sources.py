"""Routes of sources and the history of their runs."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from bookcore.catalogue import runs
from bookcore.domain.errors import NotFound
from bookcore.kit.clock import SystemClock
from bookcore.kit.openapi import describe_problems
from books_api.dependencies import Deps
from books_api.source_schemas import RunOut, RunPage, SourceOut, SourcesOut

router = APIRouter(tags=["sources"])

SourceName = Annotated[str, Path(description="name of a source", examples=["sample_shop"], max_length=200)]


class RunPaging(BaseModel):
    """Page of a list of runs."""

    cursor: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="most runs of the page")] = 20


@router.get("/sources", operation_id="list_sources")
def list_sources(deps: Deps) -> SourcesOut:
    """List the sources by name: their schedule, last runs, number of books, and whether they are paused."""
    with deps.catalogue.begin_read() as connection:
        found = runs.list_sources(connection)
    now = SystemClock().now()
    return SourcesOut(items=[SourceOut.from_overview(source, now=now) for source in found], next=None)


@router.get(
    "/sources/{name}/runs",
    operation_id="list_source_runs",
    responses=describe_problems("not-found", "bad-cursor"),
)
def list_runs(
    name: SourceName, deps: Deps, paging: Annotated[RunPaging, Query()], response: Response
) -> RunPage:
    """List the runs of a source, the newest first, one page at a time. `Link: rel="next"` names the next
    page."""
    after = deps.cursors.decode_run(paging.cursor, name) if paging.cursor else None
    with deps.catalogue.begin_read() as connection:
        found, end = runs.list_runs(connection, name, after=after, limit=paging.limit)
        if not found and not runs.has_source(connection, name):
            raise NotFound(f"no source {name!r} has runs or books; /v1/sources lists those that do")
    now = SystemClock().now()
    next_cursor = deps.cursors.encode_run(end, name) if end else None
    if next_cursor:
        query = urlencode({"limit": paging.limit, "cursor": next_cursor})
        response.headers["Link"] = f'</sources/{quote(name)}/runs?{query}>; rel="next"'
    return RunPage(items=[RunOut.from_report(report, now=now) for report in found], next=next_cursor)
