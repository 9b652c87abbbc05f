"""Translates queries into Elasticsearch's. Typed text becomes terms only, never query syntax."""

from bookcore.search.elasticsearch.layout import Dsl
from bookcore.search.filters import FACETS, FilterClauses
from bookcore.search.nodes import (
    AllOf,
    AnyOf,
    Best,
    Constant,
    Everything,
    Fuzzy,
    Listed,
    Node,
    OneOf,
    Prefix,
    Without,
    Word,
)

MAX_FACET_VALUES = 1_000
"""Of a facet."""
_MOST_EXPANSIONS = 1_000  # of a misspelled word; the server's default, 50, would leave out words at random


def translate(node: Node) -> Dsl:
    """The server's form of the query."""
    match node:
        case Everything():
            return {"match_all": {}}
        case Word() | Prefix() | Fuzzy() | OneOf() | Listed():
            return _translate_terms(node)
        case Constant(query, score):
            return _score_constant(translate(query), score)
        case Best(queries, share):
            return {"dis_max": {"queries": [translate(each) for each in queries], "tie_breaker": share}}
        case AnyOf(queries):
            return (
                {"bool": {"should": [translate(each) for each in queries]}} if queries else {"match_none": {}}
            )
        case AllOf(queries, optional):
            return {
                "bool": {
                    "must": [translate(each) for each in queries],
                    "should": [translate(each) for each in optional],
                }
            }
        case Without(query, excluded):
            return {"bool": {"must": [translate(query)], "must_not": [translate(excluded)]}}


def build_facets(narrowing: FilterClauses) -> Dsl:
    """Counts by facet.

    A facet's own filter does not apply to its own counts: filters of facets are post filters, and each
    facet's aggregation repeats the others'.
    """
    own = select_clauses(narrowing, facets=True)
    return {name: _count_facet(name, own.without(name)) for name in FACETS}


def select_clauses(narrowing: FilterClauses, *, facets: bool) -> FilterClauses:
    """The clauses of facets, or of all other fields."""
    for name in narrowing.fields:
        if (name in FACETS) is not facets:
            narrowing = narrowing.without(name)
    return narrowing


def build_filters(narrowing: FilterClauses) -> list[Dsl]:
    """One clause for each filter."""
    accepted: list[Dsl] = [{"terms": {name: list(values)}} for name, values in narrowing.accepted.items()]
    bounds: list[Dsl] = [
        {"range": {name: {"gte": low, "lte": high}}} for name, (low, high) in narrowing.bounds.items()
    ]
    return accepted + bounds


def match_living(text: Dsl, filters: list[Dsl]) -> Dsl:
    """Without removed books; filters don't change scores."""
    return {"bool": {"must": [text], "filter": filters, "must_not": [{"term": {"deleted": True}}]}}


def aggregate_terms(field: str) -> Dsl:
    """Most frequent first."""
    return {"terms": {"field": field, "size": MAX_FACET_VALUES}}


def _count_facet(facet: str, narrowing: FilterClauses) -> Dsl:
    return {
        "filter": {"bool": {"filter": build_filters(narrowing)}},
        "aggs": {"values": aggregate_terms(facet)},
    }


def _translate_terms(node: Word | Prefix | Fuzzy | OneOf | Listed) -> Dsl:
    match node:
        case Word(field, value, weight):
            return {"term": {field: {"value": value, "boost": weight}}}
        case Prefix(field, value):
            return {"prefix": {field: value}}
        case Fuzzy(field, value, edits):
            fuzzy = {"value": value, "fuzziness": edits, "max_expansions": _MOST_EXPANSIONS}
            return {"fuzzy": {field: {**fuzzy, "rewrite": "constant_score"}}}
        case OneOf(field, values):
            return {"terms": {field: list(values)}}
        case Listed(ids):
            return {"ids": {"values": list(ids)}}


def _score_constant(query: Dsl, score: float) -> Dsl:
    return {"constant_score": {"filter": query, "boost": score}}
