"""The managed tree of categories: decisions of editors, applied in order, and where a source's categories
belong in it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatchmethod
from typing import Literal

from bookcore.domain.category_rules import CategoryRule, CategoryRules, fold_name
from bookcore.domain.errors import Conflict, Invalid, NotFound

MAX_CATEGORIES = 20_000
MAX_DEPTH = 10
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MAX_ID = 100
_RESERVED = frozenset({"rules", "unplaced", "decisions"})
"""Names of the API beside the ids of categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCreated:
    """A new category, below `parent` or at the top."""

    id: str
    name: str
    parent: str | None = None
    action: Literal["create"] = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRenamed:
    """Another name, and an id that fits it; the old id leads to the new one."""

    id: str
    name: str
    new_id: str
    action: Literal["rename"] = "rename"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryMoved:
    """A category with all below it is now below `parent`, or at the top."""

    id: str
    parent: str | None
    action: Literal["move"] = "move"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryMerged:
    """A category is part of another, which gets its children and rules; the old id leads there."""

    id: str
    into: str
    action: Literal["merge"] = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleKept:
    """What sources call `printed` belongs to a category; see CategoryRule."""

    printed: str
    category: str
    source: str | None = None
    action: Literal["keep_rule"] = "keep_rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDropped:
    """The rule for `printed` of that source (None: of all) is no longer one."""

    printed: str
    source: str | None = None
    action: Literal["drop_rule"] = "drop_rule"


CategoryDecision = CategoryCreated | CategoryRenamed | CategoryMoved | CategoryMerged | RuleKept | RuleDropped


@dataclass(frozen=True, slots=True)
class Category:
    """A node of the tree; `parent` is an id, None at the top."""

    id: str
    name: str
    parent: str | None


class CategoryTree:
    """Categories, the ids that they had, and the rules; equal decisions in equal order give equal trees.

    Not thread-safe while decisions are applied.
    """

    def __init__(self) -> None:
        self._categories: dict[str, Category] = {}
        self._siblings: dict[tuple[str | None, str], str] = {}
        self._former: dict[str, str] = {}
        self.rules = CategoryRules()

    def copy(self) -> "CategoryTree":
        """A tree that changes apart from this one."""
        other = CategoryTree()
        other._categories, other._siblings = dict(self._categories), dict(self._siblings)
        other._former, other.rules = dict(self._former), self.rules.copy()
        return other

    def get(self, category_id: str) -> Category:
        """Raises: NotFound for an id that no category has now; `resolve` knows the former ones."""
        if category_id not in self._categories:
            raise NotFound(f"no category {category_id!r}")
        return self._categories[category_id]

    def resolve(self, category_id: str) -> str:
        """The id now of what has or had that id. Raises: NotFound for one that was never given."""
        now = self._former.get(category_id, category_id)
        return self.get(now).id

    def list_path(self, category_id: str) -> Sequence[Category]:
        """The category and those above it, from the top down."""
        path, at = [self.get(category_id)], self.get(category_id).parent
        while at is not None:
            path.append(self._categories[at])
            at = path[-1].parent
        return path[::-1]

    def list_preorder(self) -> Sequence[tuple[Category, int]]:
        """Every category with its depth (0 at the top); children follow their parent, by name."""
        below: dict[str | None, list[Category]] = {}
        for category in self._categories.values():
            below.setdefault(category.parent, []).append(category)
        return list(_walk(below, None, 0))

    def list_below(self, category_ids: Iterable[str]) -> frozenset[str]:
        """These ids, and those of all categories below them. Raises: NotFound."""
        wanted = {self.get(each).id for each in category_ids}
        return frozenset(
            node.id
            for node in self._categories.values()
            if any(up.id in wanted for up in self.list_path(node.id))
        )

    def check(self, decision: CategoryDecision) -> None:
        """Raises: what `apply` would; changes nothing."""
        self.copy().apply(decision)

    @singledispatchmethod
    def apply(self, decision: CategoryDecision) -> None:
        """Changes the tree, or nothing on an error.

        Raises: NotFound for an unknown category or rule, Conflict where the tree as it is forbids it, Invalid
        for a name, id or text that can't be one.
        """
        raise TypeError(f"{type(decision).__name__} is no decision on categories")

    @apply.register
    def _(self, decision: CategoryCreated) -> None:
        if len(self._categories) >= MAX_CATEGORIES:
            raise Conflict(f"the tree has {MAX_CATEGORIES:,} categories, the most that it can have")
        category = Category(self._check_new_id(decision.id), _check_name(decision.name), decision.parent)
        self._check_parent(category)
        self._put(category)

    @apply.register
    def _(self, decision: CategoryRenamed) -> None:
        held = self.get(decision.id)
        renamed = replace(held, id=decision.new_id, name=_check_name(decision.name))
        if renamed.id != held.id and self._former.get(renamed.id) != held.id:
            self._check_new_id(renamed.id)
        self._check_sibling(renamed, besides=held.id)
        self._remove(held)
        self._put(renamed)
        if renamed.id != held.id:
            self._former.pop(renamed.id, None)
            self._redirect(held.id, renamed.id)

    @apply.register
    def _(self, decision: CategoryMoved) -> None:
        held = self.get(decision.id)
        moved = replace(held, parent=decision.parent)
        self._check_parent(moved, height=self._measure_height(held.id))
        self._remove(held)
        self._put(moved)

    @apply.register
    def _(self, decision: CategoryMerged) -> None:
        held, into = self.get(decision.id), self.get(decision.into)
        if any(up.id == held.id for up in self.list_path(into.id)):
            raise Conflict(f"{into.id!r} is {held.id!r} or below it; move it away first")
        moving = [node for node in self._categories.values() if node.parent == held.id]
        for node in moving:
            self._check_parent(replace(node, parent=into.id), height=self._measure_height(node.id))
        self._remove(held)
        for node in moving:
            self._remove(node)
            self._put(replace(node, parent=into.id))
        self._redirect(held.id, into.id)

    @apply.register
    def _(self, decision: RuleKept) -> None:
        self.rules.keep(CategoryRule(decision.printed, decision.source, self.get(decision.category).id))

    @apply.register
    def _(self, decision: RuleDropped) -> None:
        self.rules.drop(decision.printed, decision.source)

    def _check_new_id(self, category_id: str) -> str:
        if len(category_id) > _MAX_ID or not _ID.fullmatch(category_id):
            raise Invalid(f"must be 1-{_MAX_ID} of a-z, 0-9, with single hyphens between them", field="id")
        if category_id in _RESERVED:
            raise Invalid(f"{category_id!r} is reserved; give another id", field="id")
        if category_id in self._categories:
            raise Conflict(f"a category {category_id!r} exists")
        if category_id in self._former:
            raise Conflict(f"{category_id!r} is a former id of {self._former[category_id]!r}")
        return category_id

    def _check_parent(self, category: Category, *, height: int = 1) -> None:
        if category.parent is not None:
            path = self.list_path(category.parent)
            if any(up.id == category.id for up in path):
                raise Conflict(f"{category.parent!r} is {category.id!r} or below it")
            if len(path) + height > MAX_DEPTH:
                raise Conflict(f"the tree would be deeper than {MAX_DEPTH} levels")
        self._check_sibling(category, besides=category.id)

    def _check_sibling(self, category: Category, *, besides: str) -> None:
        other = self._siblings.get((category.parent, fold_name(category.name)), besides)
        if other != besides:
            where = f"below {category.parent!r}" if category.parent else "at the top"
            raise Conflict(
                f"{other!r} has the name {category.name!r} {where}; merge the two, or name it apart"
            )

    def _measure_height(self, category_id: str) -> int:
        start = len(self.list_path(category_id))
        return max(len(self.list_path(node)) - start + 1 for node in self.list_below([category_id]))

    def _put(self, category: Category) -> None:
        self._categories[category.id] = category
        self._siblings[category.parent, fold_name(category.name)] = category.id

    def _remove(self, category: Category) -> None:
        del self._categories[category.id]
        del self._siblings[category.parent, fold_name(category.name)]

    def _redirect(self, was: str, now: str) -> None:
        """Everything that named the old id names the new one."""
        for former in [each for each, at in self._former.items() if at == was]:
            self._former[former] = now
        self._former[was] = now
        for node in [each for each in self._categories.values() if each.parent == was]:
            self._remove(node)
            self._put(replace(node, parent=now))
        self.rules.redirect(was, now)


def derive_category_id(name: str) -> str:
    """An id of a name's letters and digits: `Science Fiction` is `science-fiction`; "" where it has none of
    a-z and 0-9.
    """
    words = re.findall(r"[a-z0-9]+", fold_name(name, accents=False))
    return "-".join(words)[:_MAX_ID].rstrip("-")


@dataclass(frozen=True, slots=True)
class PrintedCategories:
    """Books by what their sources call their category: those of `everywhere`, of any source that is not named
    in `except_sources` for it, and those of the pairs (source, category) of `only`.
    """

    everywhere: tuple[str, ...] = ()
    except_sources: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only: tuple[tuple[str, str], ...] = ()


def select_printed(
    rules: CategoryRules, printed: Iterable[str], is_wanted: Callable[[str | None], bool]
) -> PrintedCategories:
    """Which of the printed categories the rules place in a category that is wanted (None: in no category)."""
    everywhere: list[str] = []
    excepted: dict[str, tuple[str, ...]] = {}
    only: list[tuple[str, str]] = []
    for name in printed:
        special: Mapping[str, str] = rules.place_by_source(name)
        if is_wanted(rules.place(None, name)):
            everywhere.append(name)
            outside = tuple(sorted(s for s, at in special.items() if not is_wanted(at)))
            excepted |= {name: outside} if outside else {}
        else:
            only += [(source, name) for source, at in sorted(special.items()) if is_wanted(at)]
    return PrintedCategories(tuple(everywhere), tuple(excepted.items()), tuple(only))


def _check_name(name: str) -> str:
    if not name.strip() or name != name.strip() or len(name) > 200 or not name.isprintable():
        raise Invalid("must be 1-200 printable characters, without spaces around them", field="name")
    return name


def _walk(
    below: Mapping[str | None, list[Category]], parent: str | None, depth: int
) -> Iterator[tuple[Category, int]]:
    for node in sorted(below.get(parent, ()), key=lambda each: (fold_name(each.name), each.id)):
        yield node, depth
        yield from _walk(below, node.id, depth + 1)
