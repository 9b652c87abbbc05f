"""Builds Elasticsearch requests from a plan. Typed text becomes terms only, never query syntax."""

from collections.abc import Sequence

from bookcore.search import SearchQuery
from bookcore.search.elasticsearch.layout import Dsl
from bookcore.search.query_plan import (
    FACETS,
    FIELD_WEIGHTS,
    IDENTIFIER_SCORE,
    TIE_BREAKER,
    FilterClauses,
    QueryPlan,
    choose_prefix_fields,
)

MAX_FACET_VALUES = 1_000
"""Of a facet."""


def build_search_request(query: SearchQuery, wanted: QueryPlan) -> Dsl:
    """Hits, total and facets in one request.

    A facet's own filter does not apply to its own counts: filters of facets are post filters, and each
    facet's aggregation repeats the others'.
    """
    own = _select_clauses(wanted.filters, facets=True)
    return {
        "query": _match_living(
            _build_text_query(wanted), _build_filters(_select_clauses(wanted.filters, facets=False))
        ),
        "post_filter": {"bool": {"filter": _build_filters(own)}},
        "aggs": {name: _count_facet(name, own.without(name)) for name in FACETS},
        "sort": [{"tie": "asc"}] if wanted.is_match_all else ["_score", {"tie": "asc"}],
        "from": query.offset,
        "size": query.limit,
        "track_total_hits": True,
    }


def build_titles_request(words: Sequence[str], *, limit: int) -> Dsl:
    """Books whose title has all the words, the last one as a prefix; titles that start with them come
    first.
    """
    begins = _score_constant({"prefix": {"title_key": " ".join(words)}}, IDENTIFIER_SCORE)
    if len(words) == 1 and len(words[0]) == 1:  # a letter begins some word of nearly every title
        text = begins
    else:
        text = {"bool": {"must": _match_prefix_words("title", words), "should": [begins]}}
    return {
        "query": _match_living(text, []),
        "sort": ["_score", {"tie": "asc"}],
        "size": limit,
        "_source": ["state.title"],
        "track_total_hits": False,
    }


def build_categories_request(words: Sequence[str]) -> Dsl:
    """Categories that have all the words, the last one as a prefix; most frequent first."""
    text = {"bool": {"filter": _match_prefix_words("category_words", words)}}
    return {"query": _match_living(text, []), "aggs": {"category": _aggregate_terms("category")}, "size": 0}


def _build_text_query(wanted: QueryPlan) -> Dsl:
    if wanted.is_match_all:
        return {"match_all": {}}
    clauses = [_match_any_field(word) for word in wanted.words]
    if wanted.prefix is not None:
        clauses.append(_match_prefix_any_field(wanted.prefix))
    text: Dsl = {"bool": {"must": clauses}} if clauses else {"match_none": {}}
    if wanted.identifier is None:
        return text
    exact = _score_constant({"term": {"identifier": wanted.identifier}}, IDENTIFIER_SCORE)
    return {"bool": {"should": [text, exact]}}


def _select_clauses(narrowing: FilterClauses, *, facets: bool) -> FilterClauses:
    for name in (*narrowing.accepted, *narrowing.bounds):
        if (name in FACETS) is not facets:
            narrowing = narrowing.without(name)
    return narrowing


def _build_filters(narrowing: FilterClauses) -> list[Dsl]:
    accepted: list[Dsl] = [{"terms": {name: list(values)}} for name, values in narrowing.accepted.items()]
    bounds: list[Dsl] = [
        {"range": {name: {"gte": low, "lte": high}}} for name, (low, high) in narrowing.bounds.items()
    ]
    return accepted + bounds


def _match_living(text: Dsl, filters: list[Dsl]) -> Dsl:
    return {"bool": {"must": [text], "filter": filters, "must_not": [{"term": {"deleted": True}}]}}


def _count_facet(facet: str, narrowing: FilterClauses) -> Dsl:
    return {
        "filter": {"bool": {"filter": _build_filters(narrowing)}},
        "aggs": {"values": _aggregate_terms(facet)},
    }


def _aggregate_terms(field: str) -> Dsl:
    return {"terms": {"field": field, "size": MAX_FACET_VALUES}}


def _match_prefix_words(field: str, words: Sequence[str]) -> list[Dsl]:
    return [*(_match_word(field, word, 1.0) for word in words[:-1]), _match_prefix(field, words[-1], 1.0)]


def _match_any_field(word: str) -> Dsl:
    fields = [_match_word(name, word, weight) for name, weight in FIELD_WEIGHTS.items()]
    return _take_best([*fields, _match_word("identifier", word, 1.0)])


def _match_prefix_any_field(prefix: str) -> Dsl:
    begun = [_match_prefix(name, prefix, FIELD_WEIGHTS[name]) for name in choose_prefix_fields(prefix)]
    return _take_best([_match_any_field(prefix), *begun])


def _take_best(queries: list[Dsl]) -> Dsl:
    return {"dis_max": {"queries": queries, "tie_breaker": TIE_BREAKER}}


def _match_word(field: str, word: str, weight: float) -> Dsl:
    return {"term": {field: {"value": word, "boost": weight}}}


def _match_prefix(field: str, prefix: str, weight: float) -> Dsl:
    return _score_constant({"prefix": {field: prefix}}, weight)


def _score_constant(query: Dsl, score: float) -> Dsl:
    return {"constant_score": {"filter": query, "boost": score}}
