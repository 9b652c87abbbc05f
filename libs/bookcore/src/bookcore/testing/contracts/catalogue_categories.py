"""Behaviour of every catalogue: the tree of categories, and books by it."""

from dataclasses import replace

from bookcore.catalogue import BookFilter, Catalogue, Sort, categories, open_catalogue, queries
from bookcore.catalogue.beside_the_lake import copy_rows
from bookcore.catalogue.categories import PrintedCategory
from bookcore.catalogue.filters import CategoryChoice
from bookcore.catalogue.rebuild import begin_rebuild
from bookcore.domain.category_tree import (
    CategoryCreated,
    CategoryDecision,
    CategoryMoved,
    RuleKept,
    select_printed,
)
from bookcore.events.category import CategoryDecided
from bookcore.events.topics import CATEGORY
from bookcore.testing.builders import EPOCH, make_book
from bookcore.testing.contracts.catalogue import ingest, observe

FICTION = CategoryCreated(id="fiction", name="Fiction")
POETRY = CategoryCreated(id="poetry", name="Poetry", parent="fiction")


def decide(catalogue: Catalogue, *decisions: CategoryDecision, first: int = 0) -> None:
    """Record decisions as read from the topic; the one at offset N has the id `dN`."""
    events = [
        (
            offset,
            CategoryDecided(decision_id=f"d{offset}", decided_at=EPOCH, decided_by="u", decision=decision),
        )
        for offset, decision in enumerate(decisions, first)
    ]
    with catalogue.begin_write() as connection:
        categories.record_decisions(connection, events, end=first + len(decisions))


class CatalogueCategoriesContract:
    """A subclass provides `catalogue` and its `url`."""

    def test_decisions_make_the_tree_once_each(self, catalogue: Catalogue) -> None:
        decide(catalogue, FICTION, POETRY)
        decide(catalogue, FICTION, POETRY, CategoryMoved(id="poetry", parent=None))
        with catalogue.begin_read() as connection:
            state = categories.read_tree(connection)
            assert [node.id for node, _ in state.tree.list_preorder()] == ["fiction", "poetry"]
            assert state.tree.get("poetry").parent is None
            assert categories.read_tree(connection, state) is state
            assert queries.get_next_offset(connection, CATEGORY.name, 0) == 3

    def test_a_decision_that_the_tree_forbids_is_kept_with_the_reason(self, catalogue: Catalogue) -> None:
        decide(catalogue, POETRY, FICTION)
        with catalogue.begin_read() as connection:
            refused = categories.find_decision(connection, "d0")
            page, end = categories.list_decisions(connection, before=None, limit=1)
            rest, last = categories.list_decisions(connection, before=end, limit=1)
            tree = categories.read_tree(connection).tree
        assert refused is not None
        assert (refused.refusal, refused.decision) == ("no category 'fiction'", POETRY)
        assert ([each.decision_id for each in (*page, *rest)], last) == (["d1", "d0"], None)
        assert [node.id for node, _ in tree.list_preorder()] == ["fiction"]

    def test_books_are_found_by_the_categories_that_rules_place_them_in(self, catalogue: Catalogue) -> None:
        shelf = [("u1", "shop", "Poetry"), ("u2", "shop", "poetry"), ("u3", "other", "Poetry")]
        shelf += [("u4", "other", "Travel"), ("u5", "shop", "Travel")]
        books = [replace(make_book(n), source=source, category=name) for n, source, name in shelf]
        books.append(replace(make_book("u6"), category=None))
        ingest(catalogue, [observe(book, version=1) for book in books])
        decide(catalogue, FICTION, POETRY, RuleKept(printed="Poetry", category="poetry"))
        decide(catalogue, RuleKept(printed="travel", category="fiction", source="other"), first=3)
        moved = RuleKept(printed="poetry", category="fiction", source="other")
        assert self.find(catalogue, "poetry") == ["u1", "u2", "u3"]
        decide(catalogue, moved, first=4)
        assert self.find(catalogue, "poetry") == ["u1", "u2"]
        assert self.find(catalogue, "fiction") == ["u1", "u2", "u3", "u4"]
        with catalogue.begin_read() as connection:
            assert PrintedCategory("other", "Travel", 1) in categories.count_printed(connection)
            assert PrintedCategory("shop", None, 1) in categories.count_printed(connection)

    def find(self, catalogue: Catalogue, category_id: str) -> list[str]:
        """Ids at their sources of the books placed in the category or below it."""
        with catalogue.begin_read() as connection:
            tree = categories.read_tree(connection).tree
            wanted = tree.list_below([category_id])
            printed = select_printed(
                tree.rules, categories.list_printed_names(connection), lambda at: at in wanted
            )
            choice = BookFilter(placed=CategoryChoice((category_id,), printed))
            found, _ = queries.list_books(connection, choice, sort=Sort.ID, after=None, limit=20)
        return sorted(each.book.source_id for each in found)

    def test_a_rebuilt_catalogue_takes_the_tree(self, catalogue: Catalogue, url: str) -> None:
        decide(catalogue, FICTION, POETRY)
        rebuild = begin_rebuild(url)
        with rebuild.block_writes():
            with catalogue.begin_read() as live, rebuild.catalogue.begin_write() as rebuilt:
                copy_rows(live, rebuilt)
            rebuild.swap()
        rebuild.close()
        swapped = open_catalogue(url)
        with swapped.begin_read() as connection:
            assert categories.read_tree(connection).tree.get("poetry").parent == "fiction"
            assert queries.get_next_offset(connection, CATEGORY.name, 0) == 2
        swapped.close()
