"""Facet counts of a search."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import tantivy
from tantivy import Query

from bookcore.search.filters import FACETS, FilterClauses
from bookcore.search.tantivy.queries import add_filters

_MOST_VALUES = 1_000


def count_facets(
    schema: tantivy.Schema, searcher: tantivy.Searcher, text: Query, *, filters: FilterClauses
) -> Mapping[str, Mapping[str, int]]:
    """Most frequent value first; a facet's own filter does not apply to its own counts.

    One pass for the facets without a filter, one more for each filtered facet.
    """
    found: dict[str, Mapping[str, int]] = {}
    for own, names in groupby(
        sorted(FACETS, key=lambda f: _find_own_facet(filters, f)), lambda f: _find_own_facet(filters, f)
    ):
        query = add_filters(schema, text, filters.without(own))
        found.update(_count_values(searcher, query, list(names)))
    return {name: found[name] for name in FACETS}


def count_categories(searcher: tantivy.Searcher, query: Query) -> Sequence[str]:
    """The categories of the matching books, most frequent first."""
    return list(_count_values(searcher, query, ["category"])["category"])


def _find_own_facet(filters: FilterClauses, facet: str) -> str:
    return facet if filters.has(facet) else ""


def _count_values(
    searcher: tantivy.Searcher, query: Query, names: Sequence[str]
) -> Mapping[str, Mapping[str, int]]:
    ask = {name: {"terms": {"field": name, "size": _MOST_VALUES}} for name in names}
    answer = searcher.aggregate(query, ask)
    return {name: _read_buckets(answer[name]["buckets"]) for name in names}


def _read_buckets(buckets: Sequence[Mapping[str, str | float]]) -> Mapping[str, int]:
    counts = {_format_key(bucket["key"]): int(bucket["doc_count"]) for bucket in buckets}
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _format_key(key: str | float) -> str:
    return key if isinstance(key, str) else str(int(key))
