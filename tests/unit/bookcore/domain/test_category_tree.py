"""The managed tree of categories and its rules."""

import pytest

from bookcore.domain.category_tree import (
    MAX_DEPTH,
    CategoryCreated,
    CategoryDecision,
    CategoryMerged,
    CategoryMoved,
    CategoryRenamed,
    CategoryTree,
    RuleDropped,
    RuleKept,
    derive_category_id,
    select_printed,
)
from bookcore.domain.errors import BookstreamError, Conflict, Invalid, NotFound

FICTION = CategoryCreated(id="fiction", name="Fiction")
SCIENCE_FICTION = CategoryCreated(id="science-fiction", name="Science Fiction", parent="fiction")
SPACE = CategoryCreated(id="space-opera", name="Space Opera", parent="science-fiction")
CHILDREN = CategoryCreated(id="children", name="Children")


def grow(*decisions: CategoryDecision) -> CategoryTree:
    tree = CategoryTree()
    for decision in (FICTION, SCIENCE_FICTION, SPACE, CHILDREN, *decisions):
        tree.apply(decision)
    return tree


def draw(tree: CategoryTree) -> list[str]:
    """Each category's path of ids."""
    return ["/".join(up.id for up in tree.list_path(node.id)) for node, _ in tree.list_preorder()]


def test_a_tree_lists_children_after_their_parent_by_name() -> None:
    assert draw(grow()) == [
        "children",
        "fiction",
        "fiction/science-fiction",
        "fiction/science-fiction/space-opera",
    ]
    assert [depth for _, depth in grow().list_preorder()] == [0, 0, 1, 2]


def test_a_renamed_category_keeps_its_place_and_answers_to_every_former_id() -> None:
    tree = grow(
        CategoryRenamed(id="science-fiction", name="Sci-Fi", new_id="sci-fi"),
        CategoryRenamed(id="sci-fi", name="SF", new_id="sf"),
        RuleKept(printed="Sci-Fi", category="sf"),
    )
    assert draw(tree)[2:] == ["fiction/sf", "fiction/sf/space-opera"]
    assert {tree.resolve(each) for each in ("science-fiction", "sci-fi", "sf")} == {"sf"}
    tree.apply(CategoryRenamed(id="sf", name="Science Fiction", new_id="science-fiction"))
    assert tree.resolve("sci-fi") == tree.resolve("sf") == "science-fiction"
    assert tree.rules.place("shop", "sci-fi") == "science-fiction"


def test_a_moved_category_takes_all_below_it() -> None:
    tree = grow(CategoryMoved(id="science-fiction", parent="children"))
    assert draw(tree)[1] == "children/science-fiction"
    assert tree.list_below(["children"]) == {"children", "science-fiction", "space-opera"}
    tree.apply(CategoryMoved(id="space-opera", parent=None))
    assert "space-opera" in draw(tree)


def test_a_merged_category_gives_its_children_rules_and_ids() -> None:
    tree = grow(
        RuleKept(printed="SF", category="science-fiction"),
        CategoryRenamed(id="science-fiction", name="SF", new_id="sf"),
        CategoryMerged(id="sf", into="children"),
    )
    assert draw(tree) == ["children", "children/space-opera", "fiction"]
    assert tree.resolve("science-fiction") == tree.resolve("sf") == "children"
    assert tree.rules.place("shop", "SF") == "children"


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        (CategoryCreated(id="fiction", name="Other"), Conflict),
        (CategoryCreated(id="other", name=" fiction"), Invalid),
        (CategoryCreated(id="other", name="FICTION"), Conflict),
        (CategoryCreated(id="other", name="a\x00b"), Invalid),
        (CategoryCreated(id="Other", name="Other"), Invalid),
        (CategoryCreated(id="other-", name="Other"), Invalid),
        (CategoryCreated(id="rules", name="Rules"), Invalid),
        (CategoryCreated(id="other", name="Other", parent="nowhere"), NotFound),
        (CategoryRenamed(id="nowhere", name="A", new_id="a"), NotFound),
        (CategoryRenamed(id="fiction", name="Children", new_id="fiction"), Conflict),
        (CategoryRenamed(id="fiction", name="A", new_id="children"), Conflict),
        (CategoryMoved(id="fiction", parent="space-opera"), Conflict),
        (CategoryMoved(id="fiction", parent="fiction"), Conflict),
        (CategoryMoved(id="fiction", parent="nowhere"), NotFound),
        (CategoryMerged(id="fiction", into="science-fiction"), Conflict),
        (CategoryMerged(id="fiction", into="fiction"), Conflict),
        (RuleKept(printed="x", category="nowhere"), NotFound),
        (RuleKept(printed="***", category="fiction"), Invalid),
        (RuleKept(printed="a*b*c*d*", category="fiction"), Invalid),
        (RuleKept(printed="x", category="fiction", source="A shop"), Invalid),
        (RuleDropped(printed="x"), NotFound),
    ],
)
def test_a_refused_decision_changes_nothing(decision: CategoryDecision, error: type[BookstreamError]) -> None:
    tree = grow()
    with pytest.raises(error):
        tree.apply(decision)
    assert draw(tree) == draw(grow())
    assert list(tree.rules) == []


def test_an_id_that_was_given_is_never_another_category() -> None:
    tree = grow(CategoryRenamed(id="children", name="Kids", new_id="kids"))
    with pytest.raises(Conflict, match="former id of 'kids'"):
        tree.apply(CHILDREN)
    with pytest.raises(NotFound):
        tree.resolve("nowhere")


def test_the_depth_of_a_tree_is_bounded_also_by_moves() -> None:
    tree = CategoryTree()
    for depth in range(MAX_DEPTH):
        parent = f"c{depth - 1}" if depth else None
        tree.apply(CategoryCreated(id=f"c{depth}", name="C", parent=parent))
    with pytest.raises(Conflict, match="deeper"):
        tree.apply(CategoryCreated(id="deep", name="Deep", parent=f"c{MAX_DEPTH - 1}"))
    tree.apply(CategoryCreated(id="top", name="Top"))
    with pytest.raises(Conflict, match="deeper"):
        tree.apply(CategoryMoved(id="c0", parent="top"))


@pytest.mark.parametrize(
    ("source", "printed", "category"),
    [
        ("shop", "Sci-Fi", "space-opera"),
        ("other", "SCI-FI ", "science-fiction"),
        ("other", "sci-fi, used", "fiction"),
        ("shop", "sci-fi, used", "fiction"),
        ("shop", "Sci-Fi for children", "children"),
        ("other", "Cooking", None),
        ("other", "Sci.Fi", None),
    ],
)
def test_the_most_specific_rule_places_a_category(source: str, printed: str, category: str | None) -> None:
    tree = grow(
        RuleKept(printed="sci-fi", category="science-fiction"),
        RuleKept(printed="sci-fi*", category="fiction"),
        RuleKept(printed="sci-fi*children", category="children", source="shop"),
        RuleKept(printed="Sci-Fi", category="space-opera", source="shop"),
    )
    assert tree.rules.place(source, printed) == category


def test_a_rule_replaces_the_one_for_the_same_text_and_can_be_dropped() -> None:
    tree = grow(RuleKept(printed="SF", category="fiction"), RuleKept(printed="sf", category="children"))
    assert tree.rules.place("shop", "SF") == "children"
    tree.apply(RuleDropped(printed="Sf"))
    assert tree.rules.place("shop", "SF") is None


def test_printed_categories_are_selected_for_all_sources_but_those_with_a_rule_of_their_own() -> None:
    tree = grow(
        RuleKept(printed="SF", category="science-fiction"),
        RuleKept(printed="SF", category="children", source="toys"),
        RuleKept(printed="Kids", category="fiction", source="shop"),
    )
    wanted = tree.list_below(["fiction"])
    found = select_printed(tree.rules, ["Kids", "SF", "Travel"], lambda at: at in wanted)
    assert (found.everywhere, found.except_sources, found.only) == (
        ("SF",),
        (("SF", ("toys",)),),
        (("shop", "Kids"),),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Science Fiction & Fantasy", "science-fiction-fantasy"), ("Poésie", "poesie"), ("人間", "")],
)
def test_an_id_is_derived_from_a_name(name: str, expected: str) -> None:
    assert derive_category_id(name) == expected
