"""A plan in tantivy's terms; text never goes through its query language."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import tantivy
from tantivy import FieldType, Occur, Query

from bookcore.search import Filters
from bookcore.search.query import FACETS, FIELD_WEIGHTS, IDENTIFIER_WEIGHT, Plan

_SCALE = 10_000
_MOST_VALUES = 1_000


def matching(schema: tantivy.Schema, wanted: Plan) -> Query:
    """What the text asks for, scored; without filters."""
    if wanted.everything:
        return Query.all_query()
    clauses = [(Occur.Must, _any_field(schema, word, prefix=False)) for word in wanted.words]
    if wanted.prefix is not None:
        clauses.append((Occur.Must, _any_field(schema, wanted.prefix, prefix=True)))
    text = Query.boolean_query(clauses) if clauses else Query.empty_query()
    if wanted.identifier is None:
        return text
    exact = Query.term_query(schema, "identifier", wanted.identifier)
    return Query.boolean_query(
        [(Occur.Should, text), (Occur.Should, Query.boost_query(exact, IDENTIFIER_WEIGHT))]
    )


def filtered(schema: tantivy.Schema, query: Query, filters: Filters) -> Query:
    """The query among living books that the filters leave."""
    clauses = [(Occur.Must, query), (Occur.MustNot, _removed(schema))]
    for name in ("category", "source", "availability"):
        values = getattr(filters, name)
        if values:
            clauses.append((Occur.Must, Query.term_set_query(schema, name, list(values))))
    low, high = (None if p is None else int(p * _SCALE) for p in (filters.min_price, filters.max_price))
    if low is not None or high is not None:
        clauses.append((Occur.Must, _range(schema, "price", low, high)))
    if filters.min_rating is not None:
        clauses.append((Occur.Must, _range(schema, "rating", filters.min_rating, None)))
    return Query.boolean_query(clauses)


def suggesting(schema: tantivy.Schema, words: Sequence[str]) -> Query:
    """Living books whose title or category has all the words, the last as a beginning."""
    clauses = [(Occur.Must, _named(schema, word, prefix=False)) for word in words[:-1]]
    clauses.append((Occur.Must, _named(schema, words[-1], prefix=True)))
    clauses.append((Occur.MustNot, _removed(schema)))
    return Query.boolean_query(clauses)


def facets_of(
    schema: tantivy.Schema, searcher: tantivy.Searcher, wanted: Plan
) -> Mapping[str, Mapping[str, int]]:
    """Counts by value; a facet's own filter doesn't narrow its own counts."""
    text = matching(schema, wanted)
    return {name: _counts(schema, searcher, text, _without(wanted.filters, name), name) for name in FACETS}


def _counts(
    schema: tantivy.Schema, searcher: tantivy.Searcher, text: Query, filters: Filters, name: str
) -> Mapping[str, int]:
    ask = {name: {"terms": {"field": name, "size": _MOST_VALUES}}}
    answer = searcher.aggregate(filtered(schema, text, filters), ask)
    buckets = answer[name]["buckets"]
    return {_label(bucket["key"]): int(bucket["doc_count"]) for bucket in buckets}


def _label(key: str | float) -> str:
    return key if isinstance(key, str) else str(int(key))


def _without(filters: Filters, facet: str) -> Filters:
    if facet == "category":
        return replace(filters, category=())
    if facet == "source":
        return replace(filters, source=())
    if facet == "availability":
        return replace(filters, availability=())
    return replace(filters, min_rating=None)


def _removed(schema: tantivy.Schema) -> Query:
    return Query.term_query(schema, "deleted", field_value=True)


def _any_field(schema: tantivy.Schema, word: str, *, prefix: bool) -> Query:
    fields = [
        Query.boost_query(_word(schema, name, word, prefix=prefix), weight)
        for name, weight in FIELD_WEIGHTS.items()
    ]
    return Query.disjunction_max_query(fields, 0.1)


def _named(schema: tantivy.Schema, word: str, *, prefix: bool) -> Query:
    return Query.disjunction_max_query(
        [_word(schema, name, word, prefix=prefix) for name in ("title", "category_tokens")]
    )


def _word(schema: tantivy.Schema, field: str, word: str, *, prefix: bool) -> Query:
    whole = Query.term_query(schema, field, word, index_option="freq")
    if not prefix:
        return whole
    # Tokens hold letters and digits only, so nothing in them is special to a regular expression.
    begun = Query.regex_query(schema, field, f"{word}.*")
    return Query.disjunction_max_query([whole, begun], 0.1)


def _range(schema: tantivy.Schema, field: str, low: int | None, high: int | None) -> Query:
    return Query.range_query(schema, field, FieldType.Integer, lower_bound=low, upper_bound=high)
