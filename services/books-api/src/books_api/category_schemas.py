"""Request and response models of the tree of categories."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from bookcore.catalogue.categories import PrintedCategory, RecordedDecision
from bookcore.domain.category_rules import CategoryRule
from bookcore.domain.category_tree import Category, CategoryTree
from bookcore.kit.openapi import NextCursor

CategoryId = Annotated[
    str, Field(min_length=1, max_length=100, description="id of a category", examples=["science-fiction"])
]
CategoryName = Annotated[str, Field(min_length=1, max_length=200, examples=["Science Fiction"])]
Printed = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="what a source prints; case doesn't count, `*` stands for any characters",
        examples=["sci-fi*"],
    ),
]
SourceOrAll = Annotated[
    str | None, Field(max_length=40, description="name of a source; null for every source")
]
_NODE: JsonDict = {
    "id": "science-fiction",
    "name": "Science Fiction",
    "parent": "fiction",
    "depth": 1,
    "books": 16,
    "books_below": 16,
}
_PRINTED: JsonDict = {"source": "books_toscrape", "category": "Science Fiction", "books": 16}
_RULE: JsonDict = {"printed": "sci-fi*", "source": None, "category": "science-fiction"}
_PART: JsonDict = {"id": "fiction", "name": "Fiction"}
_DETAIL: JsonDict = {
    "id": "science-fiction",
    "name": "Science Fiction",
    "path": [_PART, {"id": "science-fiction", "name": "Science Fiction"}],
    "children": [],
    "rules": [_RULE],
    "printed": [_PRINTED],
}
_TRIAL: JsonDict = {**_PRINTED, "before": None, "after": "science-fiction"}
_DECISION: JsonDict = {
    "decision_id": "5d1b6a4e-2f0d-4c55-8f6e-6a1d0d5a9b01",
    "decided_at": "2026-01-01T12:00:00Z",
    "decided_by": "u1",
    "decision": {"action": "create", "id": "fiction", "name": "Fiction", "parent": None},
    "refusal": None,
}


def _show(example: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


def _show_input(example: JsonDict) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [example]})


class CategoryIn(BaseModel):
    """A new category."""

    model_config = _show_input({"name": "Science Fiction", "parent": "fiction"})

    name: CategoryName
    parent: Annotated[CategoryId | None, Field(description="the category above; null at the top")] = None
    id: Annotated[CategoryId | None, Field(description="made from the name when it is left out")] = None


class CategoryPatch(BaseModel):
    """What to change; what is left out stays. A new name gives a new id unless `id` says which, and the
    former id leads there.
    """

    model_config = _show_input({"name": "Science Fiction"})

    name: CategoryName | None = None
    id: CategoryId | None = None
    parent: Annotated[CategoryId | None, Field(description="the new category above; null for the top")] = None


class MergeIn(BaseModel):
    """Into which category another one goes."""

    model_config = _show_input({"into": "fiction"})

    into: CategoryId


class RuleIn(BaseModel):
    """Where what sources print belongs."""

    model_config = _show_input(_RULE)

    printed: Printed
    category: CategoryId
    source: SourceOrAll = None

    def to_rule(self) -> CategoryRule:
        return CategoryRule(self.printed, self.source, self.category)


class RuleOut(BaseModel):
    """A rule: what sources (null: all) print as `printed` belongs to the category."""

    model_config = _show(_RULE)

    printed: str
    source: str | None
    category: str


class PrintedOut(BaseModel):
    """What a source calls a category, null where it states none, and its number of books."""

    model_config = _show(_PRINTED)

    source: str
    category: str | None
    books: int


class CategoryNodeOut(BaseModel):
    """A category: `depth` 0 at the top; `books` placed in it, `books_below` in it and all below it."""

    model_config = _show(_NODE)

    id: str
    name: str
    parent: str | None
    depth: int
    books: int
    books_below: int


class CategoryTreeOut(BaseModel):
    """The tree, children after their parent. `unplaced_books`: of books that no rule places."""

    model_config = _show({"items": [_NODE], "next": None, "unplaced_books": 4})

    items: list[CategoryNodeOut]
    next: NextCursor
    unplaced_books: int

    @classmethod
    def build(cls, tree: CategoryTree, counts: Mapping[str | None, int]) -> "CategoryTreeOut":
        """`counts`: books by category id, None for those without a place."""
        below: dict[str, int] = {}
        for node, _ in tree.list_preorder():
            for up in tree.list_path(node.id):
                below[up.id] = below.get(up.id, 0) + counts.get(node.id, 0)
        items = [
            CategoryNodeOut(
                **asdict(node), depth=depth, books=counts.get(node.id, 0), books_below=below[node.id]
            )
            for node, depth in tree.list_preorder()
        ]
        return cls(items=items, next=None, unplaced_books=counts.get(None, 0))


class PathPart(BaseModel):
    """A category by id and name."""

    model_config = _show(_PART)

    id: str
    name: str


class CategoryDetailOut(BaseModel):
    """A category with its place in the tree, its rules, and the categories of sources that they place in
    it.
    """

    model_config = _show(_DETAIL)

    id: str
    name: str
    path: list[PathPart]
    children: list[PathPart]
    rules: list[RuleOut]
    printed: list[PrintedOut]

    @classmethod
    def build(
        cls, tree: CategoryTree, held: Category, placed: Sequence[PrintedCategory]
    ) -> "CategoryDetailOut":
        """`placed`: the printed categories that belong to it."""
        children = [node for node, _ in tree.list_preorder() if node.parent == held.id]
        return cls(
            id=held.id,
            name=held.name,
            path=[PathPart(id=up.id, name=up.name) for up in tree.list_path(held.id)],
            children=[PathPart(id=node.id, name=node.name) for node in children],
            rules=[RuleOut(**asdict(rule)) for rule in tree.rules if rule.category == held.id],
            printed=[PrintedOut(**asdict(each)) for each in placed],
        )


class PrintedList(BaseModel):
    """Printed categories, by source."""

    model_config = _show({"items": [_PRINTED], "next": None})

    items: list[PrintedOut]
    next: NextCursor


class RuleList(BaseModel):
    """All rules, by their text."""

    model_config = _show({"items": [_RULE], "next": None})

    items: list[RuleOut]
    next: NextCursor


class TrialPart(BaseModel):
    """A printed category that a rule would place elsewhere; null is no place."""

    model_config = _show(_TRIAL)

    source: str
    category: str
    books: int
    before: str | None
    after: str | None


class TrialOut(BaseModel):
    """What a rule would change if it were kept; `books` is their sum."""

    model_config = _show({"items": [_TRIAL], "next": None, "books": 16})

    items: list[TrialPart]
    next: NextCursor
    books: int


class DecisionOut(BaseModel):
    """A decision: `decision` as it was published, `refusal` why it changed nothing, null for one applied."""

    model_config = _show(_DECISION)

    decision_id: str
    decided_at: AwareDatetime
    decided_by: str
    decision: dict[str, str | None]
    refusal: str | None

    @classmethod
    def from_recorded(cls, recorded: RecordedDecision) -> "DecisionOut":
        return cls(
            decision_id=recorded.decision_id,
            decided_at=recorded.decided_at,
            decided_by=recorded.decided_by,
            decision=asdict(recorded.decision),
            refusal=recorded.refusal,
        )


class DecisionPage(BaseModel):
    """A page of decisions, the newest first."""

    model_config = _show({"items": [_DECISION], "next": None})

    items: list[DecisionOut]
    next: NextCursor


class DecisionPending(BaseModel):
    """The decision is in the event log; the catalogue will apply it soon, or refuse it: see
    `/v1/category-tree/decisions`.
    """

    model_config = _show({"status": "pending"})

    status: str = "pending"
