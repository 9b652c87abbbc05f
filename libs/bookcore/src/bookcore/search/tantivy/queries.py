"""Builds tantivy queries from a plan. Typed text becomes terms only, never query syntax."""

from collections.abc import Sequence

import tantivy
from tantivy import FieldType, Occur, Query

from bookcore.search.query_plan import (
    FIELD_WEIGHTS,
    IDENTIFIER_SCORE,
    TIE_BREAKER,
    FilterClauses,
    QueryPlan,
    choose_prefix_fields,
)


def build_text_query(schema: tantivy.Schema, wanted: QueryPlan) -> Query:
    """The scored query of the text, without filters."""
    if wanted.is_match_all:
        return Query.all_query()
    clauses = [(Occur.Must, _match_any_field(schema, word)) for word in wanted.words]
    if wanted.prefix is not None:
        clauses.append((Occur.Must, _match_prefix_any_field(schema, wanted.prefix)))
    text = Query.boolean_query(clauses) if clauses else Query.empty_query()
    if wanted.identifier is None:
        return text
    exact = Query.const_score_query(_match_identifier(schema, wanted.identifier), IDENTIFIER_SCORE)
    return Query.boolean_query([(Occur.Should, text), (Occur.Should, exact)])


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
    return Query.boolean_query([(Occur.Must, query), *silent, (Occur.MustNot, _match_removed(schema))])


def build_title_prefix_query(schema: tantivy.Schema, words: Sequence[str]) -> Query:
    """Books whose title has all the words, the last one as a prefix; titles that start with them come
    first.
    """
    begins = Query.regex_query(schema, "title_key", " ".join(words) + ".*")
    first = Query.const_score_query(begins, IDENTIFIER_SCORE)
    if len(words) == 1 and len(words[0]) == 1:  # a letter begins some word of nearly every title
        return Query.boolean_query([(Occur.Must, first), (Occur.MustNot, _match_removed(schema))])
    return Query.boolean_query([*_match_prefix_words(schema, "title", words), (Occur.Should, first)])


def build_category_prefix_query(schema: tantivy.Schema, words: Sequence[str]) -> Query:
    """Books whose category has all the words, the last one as a prefix."""
    return Query.boolean_query(_match_prefix_words(schema, "category_words", words))


def _match_prefix_words(
    schema: tantivy.Schema, field: str, words: Sequence[str]
) -> list[tuple[Occur, Query]]:
    clauses = [(Occur.Must, _match_word(schema, field, word)) for word in words[:-1]]
    return [
        *clauses,
        (Occur.Must, _match_prefix(schema, field, words[-1])),
        (Occur.MustNot, _match_removed(schema)),
    ]


def _match_any_field(schema: tantivy.Schema, word: str) -> Query:
    fields = [
        Query.boost_query(_match_word(schema, name, word), weight) for name, weight in FIELD_WEIGHTS.items()
    ]
    return Query.disjunction_max_query([*fields, _match_identifier(schema, word)], TIE_BREAKER)


def _match_prefix_any_field(schema: tantivy.Schema, prefix: str) -> Query:
    begun = [
        Query.boost_query(_match_prefix(schema, name, prefix), FIELD_WEIGHTS[name])
        for name in choose_prefix_fields(prefix)
    ]
    return Query.disjunction_max_query([_match_any_field(schema, prefix), *begun], TIE_BREAKER)


def _match_word(schema: tantivy.Schema, field: str, word: str) -> Query:
    return Query.term_query(schema, field, word, index_option="freq")


def _match_prefix(schema: tantivy.Schema, field: str, prefix: str) -> Query:
    # Words hold letters and digits only, so nothing in them is special to a regular expression.
    return Query.regex_query(schema, field, f"{prefix}.*")


def _match_identifier(schema: tantivy.Schema, identifier: str) -> Query:
    return Query.term_query(schema, "identifier", identifier, index_option="basic")


def _match_removed(schema: tantivy.Schema) -> Query:
    return Query.term_query(schema, "deleted", field_value=True)
