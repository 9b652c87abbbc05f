"""One page of what was found, in an order that doesn't hang on how the index happens to lie on disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, Order, Query

from bookcore.search.query_plan import LAST


@dataclass(frozen=True, slots=True)
class Page:
    """Scores and places of the hits on the page, and how many there are in all."""

    hits: Sequence[tuple[float, DocAddress]]
    total: int


def unranked(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> Page:
    """For questions without text, where every book scores the same: by tie number.

    Ordering by id would read as many ids from each segment as there are books up to the page's end.
    """
    found = searcher.search(query, limit=max(limit, 1), offset=offset, order_by_field="tie", order=Order.Asc)
    return Page([(0.0, at) for _, at in found.hits[:limit]], _count(found))


def ranked(searcher: tantivy.Searcher, query: Query, *, offset: int, limit: int) -> Page:
    """Best first, books of one score by their tie number.

    The engine leaves equal scores in the order of the files. When the page ends within a run of them, all
    that paging can reach is fetched and put in order, so that pages neither repeat nor miss a book.
    """
    end = offset + limit
    found = searcher.search(query, limit=end + 1)
    hits = found.hits
    if len(hits) > end > 0 and hits[end - 1][0] == hits[end][0]:
        hits = searcher.search(query, limit=LAST, count=False).hits
    return Page(_in_order(searcher, hits)[offset:end], _count(found))


def _count(found: tantivy.SearchResult) -> int:
    count: int = found.count  # type: ignore[attr-defined]  # the stub leaves it out
    return count


def _in_order(
    searcher: tantivy.Searcher, hits: Sequence[tuple[float, DocAddress]]
) -> list[tuple[float, DocAddress]]:
    ties = [tie or 0 for tie in searcher.fast_field_values("tie", [at for _, at in hits])]
    scores = [score for score, _ in hits]
    order = sorted(range(len(hits)), key=ties.__getitem__)
    order.sort(key=scores.__getitem__, reverse=True)  # stable: equal scores stay in the order of their ties
    return [hits[n] for n in order]
