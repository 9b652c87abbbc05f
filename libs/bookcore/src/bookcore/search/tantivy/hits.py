"""One page of what was found, in an order that doesn't hang on how the index happens to lie on disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, Order, Query

from bookcore.search.query_plan import MAX_RESULTS


@dataclass(frozen=True, slots=True)
class HitPage:
    """Scores and places of the hits on the page, and how many there are in all."""

    hits: Sequence[tuple[float, DocAddress]]
    total: int


def search_unranked(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> HitPage:
    """For questions without text, where every book scores the same: by tie number.

    Ordering by id would read as many ids from each segment as there are books up to the page's end.
    """
    found = searcher.search(query, limit=max(limit, 1), offset=offset, order_by_field="tie", order=Order.Asc)
    return HitPage([(0.0, at) for _, at in found.hits[:limit]], _count(found))


def search_ranked(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> HitPage:
    """Best first, books of one score by their tie number.

    The engine leaves equal scores in the order of the files. When the page ends within a run of them, all
    that paging can reach is fetched and put in order, so that pages neither repeat nor miss a book.
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
    order.sort(key=scores.__getitem__, reverse=True)  # stable: equal scores stay in the order of their ties
    return [hits[n] for n in order]
