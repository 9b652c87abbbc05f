"""A plan in tantivy's terms. Typed text is only ever a term, never a phrase of tantivy's query language."""

from collections.abc import Sequence

import tantivy
from tantivy import FieldType, Occur, Query

from bookcore.search.query_plan import (
    FIELD_WEIGHTS,
    IDENTIFIER_SCORE,
    TIE_BREAKER,
    Narrowing,
    Plan,
    prefix_fields,
)


def matching(schema: tantivy.Schema, wanted: Plan) -> Query:
    """What the text asks for, scored; without filters."""
    if wanted.everything:
        return Query.all_query()
    clauses = [(Occur.Must, _anywhere(schema, word)) for word in wanted.words]
    if wanted.prefix is not None:
        clauses.append((Occur.Must, _begun_anywhere(schema, wanted.prefix)))
    text = Query.boolean_query(clauses) if clauses else Query.empty_query()
    if wanted.identifier is None:
        return text
    exact = Query.const_score_query(_identified(schema, wanted.identifier), IDENTIFIER_SCORE)
    return Query.boolean_query([(Occur.Should, text), (Occur.Should, exact)])


def narrowed(schema: tantivy.Schema, query: Query, narrowing: Narrowing) -> Query:
    """The query among living books that the filters leave; filters don't move scores."""
    filters = [
        Query.term_set_query(schema, name, list(values)) for name, values in narrowing.accepted.items()
    ]
    filters += [
        Query.range_query(schema, name, FieldType.Integer, lower_bound=low, upper_bound=high)
        for name, (low, high) in narrowing.bounds.items()
    ]
    silent = [(Occur.Must, Query.const_score_query(each, 0.0)) for each in filters]
    return Query.boolean_query([(Occur.Must, query), *silent, (Occur.MustNot, _removed(schema))])


def titles_continuing(schema: tantivy.Schema, words: Sequence[str]) -> Query:
    """Living books whose title has all the words, the last as a beginning; first those that begin so."""
    begins = Query.regex_query(schema, "title_key", " ".join(words) + ".*")
    first = Query.const_score_query(begins, IDENTIFIER_SCORE)
    if len(words) == 1 and len(words[0]) == 1:  # a letter begins some word of nearly every title
        return Query.boolean_query([(Occur.Must, first), (Occur.MustNot, _removed(schema))])
    return Query.boolean_query([*_continuing(schema, "title", words), (Occur.Should, first)])


def categories_continuing(schema: tantivy.Schema, words: Sequence[str]) -> Query:
    """Living books whose category has all the words, the last as a beginning."""
    return Query.boolean_query(_continuing(schema, "category_words", words))


def _continuing(schema: tantivy.Schema, field: str, words: Sequence[str]) -> list[tuple[Occur, Query]]:
    clauses = [(Occur.Must, _word(schema, field, word)) for word in words[:-1]]
    return [
        *clauses,
        (Occur.Must, _begun(schema, field, words[-1])),
        (Occur.MustNot, _removed(schema)),
    ]


def _anywhere(schema: tantivy.Schema, word: str) -> Query:
    fields = [Query.boost_query(_word(schema, name, word), weight) for name, weight in FIELD_WEIGHTS.items()]
    return Query.disjunction_max_query([*fields, _identified(schema, word)], TIE_BREAKER)


def _begun_anywhere(schema: tantivy.Schema, prefix: str) -> Query:
    begun = [
        Query.boost_query(_begun(schema, name, prefix), FIELD_WEIGHTS[name]) for name in prefix_fields(prefix)
    ]
    return Query.disjunction_max_query([_anywhere(schema, prefix), *begun], TIE_BREAKER)


def _word(schema: tantivy.Schema, field: str, word: str) -> Query:
    return Query.term_query(schema, field, word, index_option="freq")


def _begun(schema: tantivy.Schema, field: str, prefix: str) -> Query:
    # Words hold letters and digits only, so nothing in them is special to a regular expression.
    return Query.regex_query(schema, field, f"{prefix}.*")


def _identified(schema: tantivy.Schema, identifier: str) -> Query:
    return Query.term_query(schema, "identifier", identifier, index_option="basic")


def _removed(schema: tantivy.Schema) -> Query:
    return Query.term_query(schema, "deleted", field_value=True)
