"""A search above any engine: candidates, ranking, matches, and the ladder where nothing is found.

The matches of a text are the books that have every word, and the candidates that the ranking accepts. Total
and facets count exactly these. Accepted candidates come first, by their rank; the others follow in the
engine's order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bookcore.domain.book import BookId, VersionedBook
from bookcore.search import Judgement, Rung, SearchHit, SearchOrder, SearchPage, SearchQuery
from bookcore.search.cards import Card
from bookcore.search.documents import compute_tie
from bookcore.search.filters import FilterClauses
from bookcore.search.highlights import locate_matches
from bookcore.search.ladder import build_ladder, suggest_text
from bookcore.search.nodes import AnyOf, Constant, Everything, Listed, Node, Without
from bookcore.search.query_plan import (
    CANDIDATES,
    QueryPlan,
    build_arms,
    build_identifier_arm,
    build_match,
    build_plan,
    list_identifiers,
)
from bookcore.search.ranking import accept, judge_cards

_CODE = Judgement(10.0, 1.0, 1.0, 0, (), "identifier")
_ROW = Judgement(0.95, 1.0, 0.0, 0, (), "identifier")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A book that may be a hit."""

    id: BookId
    card: Card


@dataclass(frozen=True, slots=True)
class Slice:
    """Matches in the engine's order, and how many there are with which facet values."""

    books: Sequence[tuple[VersionedBook, float]]
    total: int
    facets: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """`counted` is what total and facets count; the books come from it too, without `skipped`."""

    counted: Node
    filters: FilterClauses
    sort: SearchOrder
    skipped: Sequence[BookId]
    offset: int
    limit: int

    @property
    def is_match_all(self) -> bool:
        """Whether every book matches, so that scores say nothing."""
        return isinstance(self.counted, Everything)

    @property
    def listed(self) -> Node:
        """What the books come from."""
        return Without(self.counted, Listed(self.skipped)) if self.skipped else self.counted


class SearchView(Protocol):
    """One consistent state of an engine's index."""

    def find_candidates(
        self, arms: Sequence[Node], filters: FilterClauses, *, limit: int
    ) -> Sequence[Sequence[Candidate]]:
        """The best books of each arm."""

    def read_books(self, ids: Sequence[BookId]) -> Mapping[BookId, VersionedBook]:
        """The books that are there."""

    def read_slice(self, request: SliceRequest) -> Slice:
        """Matches, total and facets."""

    def count(self, queries: Sequence[tuple[Node, FilterClauses]]) -> Sequence[int]:
        """The number of matches of each query."""


@dataclass(frozen=True, slots=True)
class RankedBook:
    """An accepted candidate."""

    book: VersionedBook
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The accepted candidates, best first, and all judged ones for the ladder."""

    accepted: list[tuple[BookId, Judgement]]
    judged: list[tuple[Card, Judgement]]


def search_ranked(view: SearchView, query: SearchQuery) -> SearchPage:
    """One page of hits. `limit` 0 returns total and facets only."""
    plan = build_plan(query)
    if plan.is_match_all:
        return _list_all(view, query, plan)
    ranked = _rank(view, plan, plan.filters)
    known = [book for book, _ in ranked.accepted]
    if plan.filters.fields:  # a facet's own counts are without its filter
        everywhere = _rank(view, plan, FilterClauses({}, {}))
        known = list(dict.fromkeys((*known, *(book for book, _ in everywhere.accepted))))
    matched: Node = Listed(known) if _is_settled(ranked) else _combine(build_match(plan), known)
    page = _read_page(view, query, plan, ranked=ranked, matched=matched)
    if page.total:
        return _add_advice(page, suggest_text(plan, ranked.judged), ())
    ladder = build_ladder(view.count, plan, ranked.judged)
    return _add_advice(page, next((rung.text for rung in ladder if rung.kind == "correction"), None), ladder)


def rank_books(view: SearchView, plan: QueryPlan, *, limit: int) -> list[RankedBook]:
    """The best accepted candidates of a text."""
    best = _rank(view, plan, plan.filters).accepted[:limit]
    books = view.read_books([book for book, _ in best]) if best else {}
    return [RankedBook(books[book], judgement) for book, judgement in best if book in books]


def _read_page(
    view: SearchView, query: SearchQuery, plan: QueryPlan, *, ranked: _Ranked, matched: Node
) -> SearchPage:
    head = ranked.accepted if query.sort is SearchOrder.RELEVANCE else []
    shown = head[query.offset : query.offset + query.limit]
    request = SliceRequest(
        matched,
        plan.filters,
        query.sort,
        [book for book, _ in head],
        max(query.offset - len(head), 0),
        query.limit - len(shown),
    )
    found = view.read_slice(request)
    books = view.read_books([book for book, _ in shown]) if shown else {}
    hits = [
        SearchHit(
            books[book], judgement.score, judgement, locate_matches(books[book].book, judgement.matches)
        )
        for book, judgement in shown
        if book in books
    ]
    return SearchPage(
        [*hits, *(SearchHit(book, score) for book, score in found.books)], found.total, found.facets
    )


def _list_all(view: SearchView, query: SearchQuery, plan: QueryPlan) -> SearchPage:
    request = SliceRequest(build_match(plan), plan.filters, query.sort, (), query.offset, query.limit)
    found = view.read_slice(request)
    return SearchPage([SearchHit(book, score) for book, score in found.books], found.total, found.facets)


def _rank(view: SearchView, plan: QueryPlan, filters: FilterClauses) -> _Ranked:
    """A typed code alone asks for its books; only where there are none its digits are words."""
    if plan.is_code:
        found = view.find_candidates(build_identifier_arm(plan), filters, limit=CANDIDATES)[0]
        if found:
            return _rank_candidates(plan, {}, found)
    arms = view.find_candidates(build_arms(plan), filters, limit=CANDIDATES)
    cards = {each.id: each.card for arm in arms for each in arm}
    return _rank_candidates(plan, cards, arms[-1] if list_identifiers(plan) else ())


def _rank_candidates(
    plan: QueryPlan, cards: Mapping[BookId, Card], identified: Sequence[Candidate]
) -> _Ranked:
    judged = judge_cards(plan.readings, cards, is_unfinished=plan.is_unfinished)
    kept = [
        each for each, is_hit in zip(judged.items(), accept(list(judged.values())), strict=True) if is_hit
    ]
    hits = dict(kept)
    hits |= _judge_identified(plan, identified, hits)
    order = sorted(hits.items(), key=lambda hit: (-hit[1].score, compute_tie(hit[0])))
    return _Ranked(order, [(cards[book], each) for book, each in judged.items()])


def _judge_identified(
    plan: QueryPlan, found: Sequence[Candidate], hits: Mapping[BookId, Judgement]
) -> dict[BookId, Judgement]:
    """A checked code or `source:source_id` comes first, another id after the titles with that name."""
    sure = bool(plan.products) or plan.names_source
    return {each.id: _judge_code(each.card) if sure else hits.get(each.id, _ROW) for each in found}


def _judge_code(card: Card) -> Judgement:
    """Above every title; several listings of one code in the order of their readers."""
    return replace(_CODE, score=_CODE.score + card.popularity, popularity=card.popularity)


def _is_settled(ranked: _Ranked) -> bool:
    """Whether a checked identifier was typed: its books are the only matches."""
    return bool(ranked.accepted) and ranked.accepted[0][1].score >= _CODE.score


def _combine(matched: Node, known: Sequence[BookId]) -> Node:
    return AnyOf([matched, Constant(Listed(known), 0.0)]) if known else matched


def _add_advice(page: SearchPage, did_you_mean: str | None, ladder: Sequence[Rung]) -> SearchPage:
    return SearchPage(page.hits, page.total, page.facets, did_you_mean, ladder)
