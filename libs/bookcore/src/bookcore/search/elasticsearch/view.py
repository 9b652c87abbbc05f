"""The requests of one search."""

from collections.abc import Mapping, Sequence

from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Unavailable
from bookcore.search import SearchOrder
from bookcore.search.elasticsearch.connection import Connection
from bookcore.search.elasticsearch.documents import read_id_and_card, to_book
from bookcore.search.elasticsearch.layout import Dsl
from bookcore.search.elasticsearch.queries import (
    build_facets,
    build_filters,
    match_living,
    select_clauses,
    translate,
)
from bookcore.search.filters import FACETS, FilterClauses
from bookcore.search.nodes import Node
from bookcore.search.ranked import Candidate, Slice, SliceRequest

_SORTS = {
    SearchOrder.PRICE: {"price": "asc"},
    SearchOrder.PRICE_DESCENDING: {"price": "desc"},
    SearchOrder.RATING_DESCENDING: {"rating": "desc"},
    SearchOrder.NEWEST: {"first_seen": "desc"},
    SearchOrder.YEAR_DESCENDING: {"year": "desc"},
}
_BY_TIE = {"tie": "asc"}


class ElasticsearchView:
    """One request for the candidates, one for the page; a write between the two shows in the second only."""

    def __init__(self, connection: Connection, alias: str) -> None:
        self._connection = connection
        self._alias = alias

    def find_candidates(
        self, arms: Sequence[Node], filters: FilterClauses, *, limit: int
    ) -> Sequence[Sequence[Candidate]]:
        asked = [
            {
                "query": match_living(translate(arm), build_filters(filters)),
                "sort": ["_score", _BY_TIE],
                "size": limit,
                "_source": False,
                "stored_fields": ["card"],
                "track_total_hits": False,
            }
            for arm in arms
        ]
        return [
            [Candidate(*read_id_and_card(hit)) for hit in answer["hits"]["hits"]]
            for answer in self._send_all(asked)
        ]

    def read_books(self, ids: Sequence[BookId]) -> Mapping[BookId, VersionedBook]:
        with self._connection.translate_errors():
            answer = self._connection.reading.mget(
                index=self._alias, ids=list(ids), source_includes=["state"]
            )
        found = [hit for hit in answer["docs"] if "state" in hit.get("_source", {})]
        return {BookId(hit["_id"]): to_book(hit) for hit in found}

    def read_slice(self, request: SliceRequest) -> Slice:
        own = select_clauses(request.filters, facets=True)
        others = build_filters(select_clauses(request.filters, facets=False))
        counting: Dsl = {
            "query": match_living(translate(request.counted), others),
            "post_filter": {"bool": {"filter": build_filters(own)}},
            "aggs": build_facets(request.filters),
            "size": 0,
            "track_total_hits": True,
        }
        listing: Dsl = {
            "query": match_living(translate(request.listed), build_filters(request.filters)),
            "sort": _build_sort(request),
            "from": request.offset,
            "size": request.limit,
            "track_total_hits": False,
        }
        counted, *listed = self._send_all([counting, *([listing] if request.limit else [])])
        hits = listed[0]["hits"]["hits"] if listed else []
        facets = {name: read_counts(counted["aggregations"][name]["values"]) for name in FACETS}
        books = [(to_book(hit), hit["_score"] or 0.0) for hit in hits]
        return Slice(books, counted["hits"]["total"]["value"], facets)

    def count(self, queries: Sequence[tuple[Node, FilterClauses]]) -> Sequence[int]:
        asked: list[Dsl] = [
            {
                "query": match_living(translate(node), build_filters(filters)),
                "size": 0,
                "track_total_hits": True,
            }
            for node, filters in queries
        ]
        return [answer["hits"]["total"]["value"] for answer in self._send_all(asked)] if asked else []

    def _send_all(self, asked: Sequence[Dsl]) -> list[Dsl]:
        """Partial results are an error: books would seem to be missing."""
        if not asked:
            return []
        lines = [line for each in asked for line in ({"allow_partial_search_results": False}, each)]
        with self._connection.translate_errors():
            answer = self._connection.reading.msearch(index=self._alias, searches=lines)
        found: list[Dsl] = answer["responses"]
        for each in found:
            if "error" in each:
                raise Unavailable(
                    f"Elasticsearch at {self._connection.address.display} can't search:"
                    f" {_format_reason(each['error'])}",
                    retry_after=1.0,
                )
        return found


def read_counts(terms: Dsl) -> dict[str, int]:
    """Most frequent first, then by value, in the server's order."""
    return {str(bucket["key"]): bucket["doc_count"] for bucket in terms["buckets"]}


def _format_reason(error: Dsl) -> str:
    causes = error.get("root_cause") or [error]
    return str(causes[0].get("reason", error.get("reason", "")))


def _build_sort(request: SliceRequest) -> list[Dsl | str]:
    if request.sort is not SearchOrder.RELEVANCE:
        (field, order), *_ = _SORTS[request.sort].items()
        return [{field: {"order": order, "missing": "_last"}}, _BY_TIE]
    return [_BY_TIE] if request.is_match_all else ["_score", _BY_TIE]
