"""The queries that every engine can run, as plain values; each adapter translates them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bookcore.domain.book import BookId


@dataclass(frozen=True, slots=True)
class Everything:
    """All books, with equal scores."""


@dataclass(frozen=True, slots=True)
class Word:
    """Books with the word in the field, scored by BM25."""

    field: str
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Prefix:
    """Books with a word that starts so."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """Books with a word at most that many edits away; neighbours swapped count as one edit."""

    field: str
    value: str
    edits: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """Books with one of the values in the field."""

    field: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """The books with these ids."""

    ids: Sequence[BookId]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same books, each with that score."""

    query: "Node"
    score: float


@dataclass(frozen=True, slots=True)
class Best:
    """Books of any; the score of the best, and a share of the others'."""

    queries: Sequence["Node"]
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Books of any; scores add up."""

    queries: Sequence["Node"]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Books of all; scores add up, those of `optional` too where they match."""

    queries: Sequence["Node"]
    optional: Sequence["Node"] = ()


@dataclass(frozen=True, slots=True)
class Without:
    """Books of the first that aren't among the second."""

    query: "Node"
    excluded: "Node"


Node = Everything | Word | Prefix | Fuzzy | OneOf | Listed | Constant | Best | AnyOf | AllOf | Without
