"""One committed state of an index, for one search."""

from collections.abc import Mapping, Sequence

import tantivy
from tantivy import DocAddress, Order, Query

from bookcore.domain.book import BookId, VersionedBook
from bookcore.search import SearchOrder
from bookcore.search.filters import FilterClauses
from bookcore.search.nodes import Node
from bookcore.search.ranked import Candidate, Slice, SliceRequest
from bookcore.search.tantivy.documents import read_id_and_card, to_book
from bookcore.search.tantivy.facets import count_facets
from bookcore.search.tantivy.hits import search_scored, search_sorted
from bookcore.search.tantivy.queries import add_filters, translate

_SORTS = {
    SearchOrder.PRICE: ("price", Order.Asc),
    SearchOrder.PRICE_DESCENDING: ("price", Order.Desc),
    SearchOrder.RATING_DESCENDING: ("rating", Order.Desc),
    SearchOrder.NEWEST: ("first_seen", Order.Desc),
    SearchOrder.YEAR_DESCENDING: ("year", Order.Desc),
}


class TantivyView:
    """Keeps the addresses of the candidates, so that their books are read without a second look-up."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self._schema = schema
        self._searcher = searcher
        self._addresses: dict[BookId, DocAddress] = {}

    def find_candidates(
        self, arms: Sequence[Node], filters: FilterClauses, *, limit: int
    ) -> Sequence[Sequence[Candidate]]:
        known: dict[tuple[int, int], Candidate] = {}
        return [self._find_best(arm, filters, limit=limit, known=known) for arm in arms]

    def read_books(self, ids: Sequence[BookId]) -> Mapping[BookId, VersionedBook]:
        return {each: to_book(self._searcher.doc(self._addresses[each])) for each in ids}

    def read_slice(self, request: SliceRequest) -> Slice:
        counted = translate(self._schema, request.counted)
        facets = count_facets(self._schema, self._searcher, counted, filters=request.filters)
        total = self._sum_total(counted, request.filters, facets)
        if request.limit < 1 or request.offset >= total - len(request.skipped):
            return Slice([], total, facets)
        listed = translate(self._schema, request.listed) if request.skipped else counted
        hits = self._search(add_filters(self._schema, listed, request.filters), request)
        return Slice([(to_book(self._searcher.doc(at)), score) for score, at in hits], total, facets)

    def count(self, queries: Sequence[tuple[Node, FilterClauses]]) -> Sequence[int]:
        return [self._count(translate(self._schema, node), filters) for node, filters in queries]

    def _sum_total(
        self, query: Query, filters: FilterClauses, facets: Mapping[str, Mapping[str, int]]
    ) -> int:
        """Every book has one availability, so that its counts add up to the total: no second pass."""
        if filters.has("availability"):
            return self._count(query, filters)
        return sum(facets["availability"].values())

    def _search(self, query: Query, request: SliceRequest) -> Sequence[tuple[float, DocAddress]]:
        end = request.offset + request.limit
        if request.sort is SearchOrder.RELEVANCE and not request.is_match_all:
            return search_scored(self._searcher, query, offset=request.offset, limit=request.limit).hits
        field, order = _SORTS.get(request.sort, ("tie", Order.Asc))
        return search_sorted(self._searcher, query, field, order=order, end=end).hits[request.offset :]

    def _count(self, query: Query, filters: FilterClauses) -> int:
        found = self._searcher.search(add_filters(self._schema, query, filters), limit=1)
        count: int = found.count  # type: ignore[attr-defined]  # the stub leaves it out
        return count

    def _find_best(
        self, arm: Node, filters: FilterClauses, *, limit: int, known: dict[tuple[int, int], Candidate]
    ) -> list[Candidate]:
        query = translate(self._schema, arm)
        if filters.fields:
            query = add_filters(self._schema, query, filters)
        found = []
        for _, at in self._searcher.search(query, limit=limit, count=False).hits:
            place = (at.segment_ord, at.doc)
            if place not in known:
                book, card = read_id_and_card(self._searcher.doc(at))
                known[place] = Candidate(book, card)
                self._addresses[book] = at
            found.append(known[place])
        return found
