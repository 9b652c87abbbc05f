"""One page of hits, in an order that does not depend on the index's files."""

from collections.abc import Sequence
from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, Occur, Order, Query

from bookcore.search.query_plan import MAX_RESULTS


@dataclass(frozen=True, slots=True)
class HitPage:
    """Scores and addresses of the page's hits, and the total number."""

    hits: Sequence[tuple[float, DocAddress]]
    total: int


def search_sorted(searcher: tantivy.Searcher, query: Query, field: str, *, order: Order, end: int) -> HitPage:
    """The first `end` hits by a number; the engine leaves equal numbers and books without one in file order,
    so that all reachable hits are read and sorted unless the numbers are distinct ties.
    """
    if field == "tie":
        found = searcher.search(query, limit=max(end, 1), order_by_field=field, order=order)
        return HitPage([(0.0, at) for _, at in found.hits[:end]], _count(found))
    total = _count(searcher.search(query, limit=1))
    exists = Query.exists_query(field)
    there = Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.const_score_query(exists, 0.0))])
    rest = Query.boolean_query([(Occur.Must, query), (Occur.MustNot, exists)])
    hits = [at for _, at in searcher.search(there, limit=MAX_RESULTS, order_by_field=field, order=order).hits]
    values = [value or 0 for value in searcher.fast_field_values(field, hits)]
    ties = [tie or 0 for tie in searcher.fast_field_values("tie", hits)]
    sign = 1 if order == Order.Asc else -1
    ranked = sorted(range(len(hits)), key=lambda n: (sign * values[n], ties[n]))
    sorted_hits = [(0.0, hits[n]) for n in ranked]
    if len(sorted_hits) < end:
        without = searcher.search(rest, limit=end, order_by_field="tie", order=Order.Asc)
        sorted_hits += [(0.0, at) for _, at in without.hits]
    return HitPage(sorted_hits[:end], total)


def search_scored(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> HitPage:
    """Best hits first, equal scores by tie number.

    The engine leaves equal scores in file order. When the page ends within such a run, all reachable hits are
    fetched and sorted, so that pages neither repeat nor miss a book.
    """
    end = offset + limit
    found = searcher.search(query, limit=end + 1)
    hits = found.hits
    if len(hits) > end > 0 and hits[end - 1][0] == hits[end][0]:
        hits = searcher.search(query, limit=MAX_RESULTS, count=False).hits
    return HitPage(_sort_hits(searcher, hits)[offset:end], _count(found))


def _count(found: tantivy.SearchResult) -> int:
    count: int = found.count  # type: ignore[attr-defined]  # the stub leaves it out
    return count


def _sort_hits(
    searcher: tantivy.Searcher, hits: Sequence[tuple[float, DocAddress]]
) -> list[tuple[float, DocAddress]]:
    ties = [tie or 0 for tie in searcher.fast_field_values("tie", [at for _, at in hits])]
    scores = [score for score, _ in hits]
    order = sorted(range(len(hits)), key=ties.__getitem__)
    order.sort(key=scores.__getitem__, reverse=True)  # stable: equal scores keep the order of their ties
    return [hits[n] for n in order]
