"""Translates queries into tantivy's. Typed text becomes terms only, never query syntax."""

import tantivy
from tantivy import FieldType, Occur, Query

from bookcore.search.filters import FilterClauses
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


def translate(schema: tantivy.Schema, node: Node) -> Query:
    """The engine's form of the query."""
    match node:
        case Everything():
            return Query.all_query()
        case Word() | Prefix() | Fuzzy() | OneOf() | Listed():
            return _translate_terms(schema, node)
        case Constant(query, score):
            return Query.const_score_query(translate(schema, query), score)
        case Best(queries, share):
            return Query.disjunction_max_query([translate(schema, each) for each in queries], share)
        case AnyOf(queries):
            return Query.boolean_query([(Occur.Should, translate(schema, each)) for each in queries])
        case AllOf(queries, optional):
            must = [(Occur.Must, translate(schema, each)) for each in queries]
            return Query.boolean_query(
                [*must, *((Occur.Should, translate(schema, each)) for each in optional)]
            )
        case Without(query, excluded):
            return Query.boolean_query(
                [(Occur.Must, translate(schema, query)), (Occur.MustNot, translate(schema, excluded))]
            )


def add_filters(schema: tantivy.Schema, query: Query, narrowing: FilterClauses) -> Query:
    """Restricts the query to books that are not removed and match the filters; filters do not change
    scores.
    """
    filters = [
        Query.term_set_query(schema, name, list(values)) for name, values in narrowing.accepted.items()
    ]
    filters += [
        Query.range_query(schema, name, FieldType.Integer, lower_bound=low, upper_bound=high)
        for name, (low, high) in narrowing.bounds.items()
    ]
    silent = [(Occur.Must, Query.const_score_query(each, 0.0)) for each in filters]
    removed = Query.term_query(schema, "deleted", field_value=True)
    return Query.boolean_query([(Occur.Must, query), *silent, (Occur.MustNot, removed)])


def _translate_terms(schema: tantivy.Schema, node: Word | Prefix | Fuzzy | OneOf | Listed) -> Query:
    match node:
        case Word(field, value, weight):
            word = Query.term_query(schema, field, value, index_option="freq")
            return word if weight == 1.0 else Query.boost_query(word, weight)
        case Prefix(field, value):  # many times cheaper to build than a regular expression
            return Query.fuzzy_term_query(schema, field, value, distance=0, prefix=True)
        case Fuzzy(field, value, edits):
            return Query.fuzzy_term_query(schema, field, value, distance=edits, transposition_cost_one=True)
        case OneOf(field, values):  # a set of terms costs a walk through all terms of the field
            terms = [Query.term_query(schema, field, value, index_option="basic") for value in values]
            return Query.boolean_query([(Occur.Should, term) for term in terms])
        case Listed(ids):
            return Query.term_set_query(schema, "id", list(ids))
