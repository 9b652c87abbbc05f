"""The tree of categories as its decisions make it, and the categories that sources print.

Inside the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, insert, literal_column, select

from bookcore.catalogue.beside_the_lake import advance_offset
from bookcore.catalogue.tables import books, category_decisions
from bookcore.domain.category_tree import CategoryDecision, CategoryTree
from bookcore.domain.errors import BookstreamError
from bookcore.events.category import CategoryDecided
from bookcore.events.topics import CATEGORY

_DECISIONS: TypeAdapter[CategoryDecision] = TypeAdapter(CategoryDecision)


@dataclass(frozen=True, slots=True)
class TreeState:
    """The tree after the decision with that sequence number; -1 before the first."""

    tree: CategoryTree
    sequence: int = -1


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision as the catalogue keeps it; `refusal` says why it changed nothing, None for one applied."""

    sequence: int
    decision_id: str
    decided_at: datetime
    decided_by: str
    decision: CategoryDecision
    refusal: str | None


@dataclass(frozen=True, slots=True)
class PrintedCategory:
    """What a source calls a category, with its number of books; None counts those without a category."""

    source: str
    category: str | None
    books: int


def record_decisions(
    connection: Connection, events: Sequence[tuple[int, CategoryDecided]], *, end: int
) -> None:
    """Keep decisions by their offset, each with whether the tree allows it, and the offset after them.

    A decision that is already kept is skipped.
    """
    advance_offset(connection, CATEGORY.name, 0, end)
    tree = read_tree(connection).tree if events else CategoryTree()
    for sequence, event in events:
        known = select(category_decisions.c.sequence).where(
            category_decisions.c.decision_id == event.decision_id
        )
        if connection.execute(known).first() is not None:
            continue
        row = {
            "sequence": sequence,
            "decision_id": event.decision_id,
            "decided_at": event.decided_at,
            "decided_by": event.decided_by,
            "decision": _DECISIONS.dump_python(event.decision, mode="json"),
            "refusal": _apply(tree, event.decision),
        }
        connection.execute(insert(category_decisions).values(row))


def read_tree(connection: Connection, known: TreeState | None = None) -> TreeState:
    """The tree now; `known` is an earlier state, which stays as it is and saves reading its decisions."""
    state = known or TreeState(CategoryTree())
    rows = connection.execute(
        select(category_decisions.c.sequence, category_decisions.c.decision)
        .where(category_decisions.c.sequence > state.sequence, category_decisions.c.refusal.is_(None))
        .order_by(category_decisions.c.sequence)
    ).all()
    if not rows:
        return state
    tree = state.tree.copy()
    for row in rows:
        tree.apply(_DECISIONS.validate_python(row.decision))
    return TreeState(tree, rows[-1].sequence)


def find_decision(connection: Connection, decision_id: str) -> RecordedDecision | None:
    """None for one that the catalogue hasn't read yet."""
    query = select(category_decisions).where(category_decisions.c.decision_id == decision_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else _to_recorded(dict(row))


def list_decisions(
    connection: Connection, *, before: int | None, limit: int
) -> tuple[Sequence[RecordedDecision], int | None]:
    """A page of the decisions, the newest first, and where the next one begins; None on the last."""
    query = select(category_decisions)
    if before is not None:
        query = query.where(category_decisions.c.sequence < before)
    query = query.order_by(category_decisions.c.sequence.desc()).limit(limit + 1)
    found = [_to_recorded(dict(row)) for row in connection.execute(query).mappings()]
    return found[:limit], found[limit - 1].sequence if len(found) > limit else None


def count_printed(connection: Connection) -> Sequence[PrintedCategory]:
    """Every category of every source with its number of books."""
    groups = (books.c.source, books.c.category)
    query = select(*groups, func.count()).where(~books.c.deleted).group_by(*groups).order_by(*groups)
    return [
        PrintedCategory(source, category, number) for source, category, number in connection.execute(query)
    ]


def list_printed_names(connection: Connection) -> Sequence[str]:
    """Every category that some source prints, also of deleted books; one lookup in the index for each."""
    names = select(func.min(books.c.category).label("name")).cte("names", recursive=True)
    following = select(func.min(books.c.category)).where(books.c.category > names.c.name).scalar_subquery()
    names = names.union_all(select(following).where(names.c.name.is_not(None)))
    query = select(names.c.name).where(names.c.name.is_not(None)).order_by(literal_column("name"))
    return list(connection.execute(query).scalars())


def _apply(tree: CategoryTree, decision: CategoryDecision) -> str | None:
    try:
        tree.apply(decision)
    except BookstreamError as refusal:
        return str(refusal)
    return None


def _to_recorded(row: dict[str, object]) -> RecordedDecision:
    decision = _DECISIONS.validate_python(row.pop("decision"))
    return RecordedDecision(decision=decision, **row)  # type: ignore[arg-type]  # columns of the table
