"""A plan in Elasticsearch's terms. Typed text is only ever a term, never a phrase of a query language."""

from collections.abc import Sequence

from bookcore.search import SearchQuery
from bookcore.search.elasticsearch.layout import Dsl
from bookcore.search.query_plan import (
    FACETS,
    FIELD_WEIGHTS,
    IDENTIFIER_SCORE,
    TIE_BREAKER,
    Narrowing,
    Plan,
    prefix_fields,
)

MOST_VALUES = 1_000
"""Of a facet."""


def page_request(query: SearchQuery, wanted: Plan) -> Dsl:
    """Hits, total and facets in one request.

    A facet's own filter doesn't narrow its own counts: filters of facets apply after the counting, and to the
    others' counts by themselves.
    """
    own = _narrowing(wanted.narrowing, facets=True)
    return {
        "query": _living(_matching(wanted), _filters(_narrowing(wanted.narrowing, facets=False))),
        "post_filter": {"bool": {"filter": _filters(own)}},
        "aggs": {name: _counted(name, own.without(name)) for name in FACETS},
        "sort": [{"tie": "asc"}] if wanted.everything else ["_score", {"tie": "asc"}],
        "from": query.offset,
        "size": query.limit,
        "track_total_hits": True,
    }


def titles_request(words: Sequence[str], *, limit: int) -> Dsl:
    """Living books whose title has all the words, the last as a beginning; first those that begin so."""
    begins = _constant({"prefix": {"title_key": " ".join(words)}}, IDENTIFIER_SCORE)
    if len(words) == 1 and len(words[0]) == 1:  # a letter begins some word of nearly every title
        text = begins
    else:
        text = {"bool": {"must": _continuing("title", words), "should": [begins]}}
    return {
        "query": _living(text, []),
        "sort": ["_score", {"tie": "asc"}],
        "size": limit,
        "_source": ["state.title"],
        "track_total_hits": False,
    }


def categories_request(words: Sequence[str]) -> Dsl:
    """The categories of living books that have all the words, the last as a beginning; the largest first."""
    text = {"bool": {"filter": _continuing("category_words", words)}}
    return {"query": _living(text, []), "aggs": {"category": _terms("category")}, "size": 0}


def _matching(wanted: Plan) -> Dsl:
    if wanted.everything:
        return {"match_all": {}}
    clauses = [_anywhere(word) for word in wanted.words]
    if wanted.prefix is not None:
        clauses.append(_begun_anywhere(wanted.prefix))
    text: Dsl = {"bool": {"must": clauses}} if clauses else {"match_none": {}}
    if wanted.identifier is None:
        return text
    exact = _constant({"term": {"identifier": wanted.identifier}}, IDENTIFIER_SCORE)
    return {"bool": {"should": [text, exact]}}


def _narrowing(narrowing: Narrowing, *, facets: bool) -> Narrowing:
    for name in (*narrowing.accepted, *narrowing.bounds):
        if (name in FACETS) is not facets:
            narrowing = narrowing.without(name)
    return narrowing


def _filters(narrowing: Narrowing) -> list[Dsl]:
    accepted: list[Dsl] = [{"terms": {name: list(values)}} for name, values in narrowing.accepted.items()]
    bounds: list[Dsl] = [
        {"range": {name: {"gte": low, "lte": high}}} for name, (low, high) in narrowing.bounds.items()
    ]
    return accepted + bounds


def _living(text: Dsl, filters: list[Dsl]) -> Dsl:
    return {"bool": {"must": [text], "filter": filters, "must_not": [{"term": {"deleted": True}}]}}


def _counted(facet: str, narrowing: Narrowing) -> Dsl:
    return {"filter": {"bool": {"filter": _filters(narrowing)}}, "aggs": {"values": _terms(facet)}}


def _terms(field: str) -> Dsl:
    return {"terms": {"field": field, "size": MOST_VALUES}}


def _continuing(field: str, words: Sequence[str]) -> list[Dsl]:
    return [*(_word(field, word, 1.0) for word in words[:-1]), _begun(field, words[-1], 1.0)]


def _anywhere(word: str) -> Dsl:
    fields = [_word(name, word, weight) for name, weight in FIELD_WEIGHTS.items()]
    return _best([*fields, _word("identifier", word, 1.0)])


def _begun_anywhere(prefix: str) -> Dsl:
    begun = [_begun(name, prefix, FIELD_WEIGHTS[name]) for name in prefix_fields(prefix)]
    return _best([_anywhere(prefix), *begun])


def _best(queries: list[Dsl]) -> Dsl:
    return {"dis_max": {"queries": queries, "tie_breaker": TIE_BREAKER}}


def _word(field: str, word: str, weight: float) -> Dsl:
    return {"term": {field: {"value": word, "boost": weight}}}


def _begun(field: str, prefix: str, weight: float) -> Dsl:
    return _constant({"prefix": {field: prefix}}, weight)


def _constant(query: Dsl, score: float) -> Dsl:
    return {"constant_score": {"filter": query, "boost": score}}
