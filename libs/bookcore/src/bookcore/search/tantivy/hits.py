"""One page of hits, in an order that does not depend on the index's files."""

from collections.abc import Sequence
from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, Order, Query

from bookcore.search.query_plan import MAX_RESULTS


@dataclass(frozen=True, slots=True)
class HitPage:
    """Scores and addresses of the page's hits, and the total number."""

    hits: Sequence[tuple[float, DocAddress]]
    total: int


def search_unranked(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> HitPage:
    """Hits of a query without text, where all scores are equal, by tie number.

    Ordering by id would read, from each segment, as many ids as there are books up to the page's end.
    """
    found = searcher.search(query, limit=max(limit, 1), offset=offset, order_by_field="tie", order=Order.Asc)
    return HitPage([(0.0, at) for _, at in found.hits[:limit]], _count(found))


def search_ranked(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> HitPage:
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
