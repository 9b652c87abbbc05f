"""Routes of the managed tree of categories."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from bookcore.catalogue import Catalogue, categories
from bookcore.catalogue.categories import PrintedCategory, RecordedDecision
from bookcore.domain.category_rules import CategoryRule
from bookcore.domain.category_tree import (
    CategoryCreated,
    CategoryMerged,
    CategoryMoved,
    CategoryRenamed,
    CategoryTree,
    RuleDropped,
    RuleKept,
    derive_category_id,
)
from bookcore.domain.errors import Invalid
from bookcore.kit.auth import HEADER as INTERNAL_TOKEN
from bookcore.kit.auth import InternalTokens
from bookcore.kit.openapi import describe_problems
from books_api.category_schemas import (
    CategoryDetailOut,
    CategoryIn,
    CategoryPatch,
    CategoryTreeOut,
    DecisionOut,
    DecisionPage,
    DecisionPending,
    MergeIn,
    PrintedList,
    PrintedOut,
    RuleIn,
    RuleList,
    RuleOut,
    TrialOut,
    TrialPart,
)
from books_api.dependencies import Dependencies, Deps
from books_api.idempotency import IdempotentRoute
from books_api.routes.admin import IdempotencyKey

reading = APIRouter(tags=["category tree"])
deciding = APIRouter(tags=["category tree"], route_class=IdempotentRoute)

CategoryPath = Annotated[
    str, Path(description="id of a category; a former one, too", examples=["science-fiction"], max_length=100)
]
_PENDING: dict[int | str, dict[str, Any]] = {  # Any: FastAPI's own type for this
    202: {"model": DecisionPending, "description": "stored in the event log; not applied yet"}
}
_REFUSED = _PENDING | describe_problems("not-found", "conflict")


class DecisionPaging(BaseModel):
    """Page of the list of decisions."""

    cursor: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="most decisions of the page")] = 20


def _get_user(request: Request) -> str:
    tokens: InternalTokens = request.app.state.internal_tokens
    return tokens.verify(request.headers.get(INTERNAL_TOKEN, "")).user_id


User = Annotated[str, Depends(_get_user)]


@reading.get("/category-tree", operation_id="get_category_tree")
def get_tree(deps: Deps) -> CategoryTreeOut:
    """Get the managed categories as a tree, with their numbers of books. Books are placed by rules: see
    `/v1/category-tree/rules`."""
    tree, counts = deps.categories.read_tree(), Counter[str | None]()
    for printed in _count_printed(deps.catalogue):
        counts[_place(tree, printed)] += printed.books
    return CategoryTreeOut.build(tree, counts)


@reading.get("/category-tree/unplaced", operation_id="list_unplaced_categories")
def list_unplaced(deps: Deps) -> PrintedList:
    """List what sources call a category and no rule places, the most books first."""
    tree = deps.categories.read_tree()
    found = [each for each in _count_printed(deps.catalogue) if _place(tree, each) is None]
    found.sort(key=lambda each: (-each.books, each.source, each.category or ""))
    return PrintedList(items=[PrintedOut(**asdict(each)) for each in found], next=None)


@reading.get("/category-tree/rules", operation_id="list_category_rules")
def list_rules(deps: Deps) -> RuleList:
    """List the rules. The most specific one wins: one of the source before one of all sources, whole texts
    before those with `*`, longer before shorter ones."""
    rules = deps.categories.read_tree().rules
    return RuleList(items=[RuleOut(**asdict(rule)) for rule in rules], next=None)


@reading.get(
    "/category-tree/decisions",
    operation_id="list_category_decisions",
    responses=describe_problems("bad-cursor"),
)
def list_decisions(deps: Deps, paging: Annotated[DecisionPaging, Query()]) -> DecisionPage:
    """List the decisions on the tree, the newest first, with those that were refused."""
    before = deps.cursors.decode_number(paging.cursor, "decisions") if paging.cursor else None
    with deps.catalogue.begin_read() as connection:
        found, end = categories.list_decisions(connection, before=before, limit=paging.limit)
    following = None if end is None else deps.cursors.encode_number(end, "decisions")
    return DecisionPage(items=[DecisionOut.from_recorded(each) for each in found], next=following)


@reading.get(
    "/category-tree/{category_id}",
    operation_id="get_category",
    response_model=CategoryDetailOut,
    responses={308: {"description": "the category has another id now"}, **describe_problems("not-found")},
)
def get_category(category_id: CategoryPath, deps: Deps) -> CategoryDetailOut | Response:
    """Get a category: its place, its rules, and what sources call it. A former id redirects."""
    tree = deps.categories.read_tree()
    now = tree.resolve(category_id)
    if now != category_id:
        return RedirectResponse(f"/category-tree/{now}", status_code=308)
    return _describe(deps, now)


@deciding.post("/category-tree/rules/try", operation_id="try_category_rule", responses=_REFUSED)
def try_rule(rule: RuleIn, deps: Deps) -> TrialOut:
    """See what a rule would change, without keeping it."""
    tree = deps.categories.read_tree()
    tried = tree.copy()
    tried.apply(_to_kept(rule.to_rule()))
    parts = [
        TrialPart(
            source=each.source,
            category=each.category,
            books=each.books,
            before=_place(tree, each),
            after=_place(tried, each),
        )
        for each in _count_printed(deps.catalogue)
        if each.category is not None and _place(tree, each) != _place(tried, each)
    ]
    return TrialOut(items=parts, next=None, books=sum(part.books for part in parts))


@deciding.post(
    "/category-tree",
    operation_id="create_category",
    status_code=201,
    response_model=CategoryDetailOut,
    responses=_REFUSED,
)
def create_category(category: CategoryIn, deps: Deps, user: User, _: IdempotencyKey = None) -> Response:
    """Create a category. Books come into it by rules."""
    category_id = category.id or derive_category_id(category.name)
    if not category_id:
        raise Invalid("the name has none of a-z and 0-9 to make an id of; give one", field="id")
    decision = CategoryCreated(id=category_id, name=category.name, parent=category.parent)
    return _answer(deps, deps.categories.decide(decision, by=user), category_id, status=201)


@deciding.patch(
    "/category-tree/{category_id}",
    operation_id="update_category",
    response_model=CategoryDetailOut,
    responses=_REFUSED,
)
def update_category(category_id: CategoryPath, patch: CategoryPatch, deps: Deps, user: User) -> Response:
    """Rename or move a category, one of the two at a time."""
    held = deps.categories.read_tree().get(category_id)
    is_move = "parent" in patch.model_fields_set
    if is_move == bool(patch.name or patch.id):
        raise Invalid("give either name and id, or parent", field="parent")
    if is_move:
        moved = CategoryMoved(id=held.id, parent=patch.parent)
        return _answer(deps, deps.categories.decide(moved, by=user), held.id)
    name = patch.name or held.name
    new_id = patch.id or derive_category_id(name) or held.id
    renamed = CategoryRenamed(id=held.id, name=name, new_id=new_id)
    return _answer(deps, deps.categories.decide(renamed, by=user), new_id)


@deciding.post(
    "/category-tree/{category_id}/merge",
    operation_id="merge_categories",
    response_model=CategoryDetailOut,
    responses=_REFUSED,
)
def merge_category(
    category_id: CategoryPath, merge: MergeIn, deps: Deps, user: User, _: IdempotencyKey = None
) -> Response:
    """Merge a category into another, which gets its children and rules; its id redirects there."""
    decision = CategoryMerged(id=category_id, into=merge.into)
    return _answer(deps, deps.categories.decide(decision, by=user), merge.into)


@deciding.put(
    "/category-tree/rules", operation_id="keep_category_rule", response_model=RuleOut, responses=_REFUSED
)
def keep_rule(rule: RuleIn, deps: Deps, user: User) -> Response:
    """Keep a rule, in the place of the one for the same text and source; `/v1/category-tree/rules/try` tells
    before what it changes."""
    kept = rule.to_rule()
    if deps.categories.decide(_to_kept(kept), by=user) is None:
        return _build_pending()
    return JSONResponse(asdict(kept))


@deciding.delete(
    "/category-tree/rules", operation_id="drop_category_rule", status_code=204, responses=_REFUSED
)
def drop_rule(
    deps: Deps,
    user: User,
    printed: Annotated[str, Query(max_length=200, description="text of the rule", examples=["sci-fi*"])],
    source: Annotated[str | None, Query(max_length=40, description="its source; left out: of all")] = None,
) -> Response:
    """Drop a rule."""
    dropped = RuleDropped(printed=printed, source=source)
    if deps.categories.decide(dropped, by=user) is None:
        return _build_pending()
    return Response(status_code=204)


def _answer(
    deps: Dependencies, recorded: RecordedDecision | None, category_id: str, *, status: int = 200
) -> Response:
    if recorded is None:
        return _build_pending()
    found = _describe(deps, category_id)
    return JSONResponse(
        found.model_dump(mode="json"), status, headers={"Location": f"/category-tree/{category_id}"}
    )


def _build_pending() -> Response:
    headers = {"Location": "/category-tree/decisions"}
    return JSONResponse(DecisionPending().model_dump(), 202, headers=headers)


def _describe(deps: Dependencies, category_id: str) -> CategoryDetailOut:
    tree = deps.categories.read_tree()
    placed = [each for each in _count_printed(deps.catalogue) if _place(tree, each) == category_id]
    return CategoryDetailOut.build(tree, tree.get(category_id), placed)


def _count_printed(catalogue: Catalogue) -> Sequence[PrintedCategory]:
    with catalogue.begin_read() as connection:
        return categories.count_printed(connection)


def _place(tree: CategoryTree, printed: PrintedCategory) -> str | None:
    return None if printed.category is None else tree.rules.place(printed.source, printed.category)


def _to_kept(rule: CategoryRule) -> RuleKept:
    return RuleKept(printed=rule.printed, source=rule.source, category=rule.category)
