"""Reading and writing through one alias."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from elasticsearch import ApiError, TransportError

from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict
from bookcore.search import SearchHit, SearchPage, SearchQuery, Suggestion
from bookcore.search.documents import Change, keep_newest
from bookcore.search.elasticsearch.bulk import RetryPolicy, write_items
from bookcore.search.elasticsearch.connection import Connection
from bookcore.search.elasticsearch.documents import (
    HitDocument,
    read_id_and_title,
    read_version,
    to_book,
    to_bulk_item,
)
from bookcore.search.elasticsearch.layout import Dsl
from bookcore.search.elasticsearch.queries import (
    build_categories_request,
    build_search_request,
    build_titles_request,
)
from bookcore.search.query_plan import FACETS, build_plan
from bookcore.search.suggestions import MAX_SUGGESTIONS, TITLES_PER_SUGGESTION, choose_suggestions
from bookcore.search.text import tokenize_query

_CHUNK = 5_000
_KEPT = "5m"  # how long the server keeps the moment that `versions` reads, from page to page


class ElasticsearchIndex:
    """Names the alias in every request, so that it follows when another index takes the place of this one."""

    def __init__(
        self, connection: Connection, alias: str, *, writable: bool, patience: RetryPolicy | None = None
    ) -> None:
        self._connection = connection
        self._alias = alias
        self._writable = writable
        self._retry_policy = patience or RetryPolicy()
        self._met_outdated = False

    def put(self, changes: Sequence[Change]) -> int:
        """As SearchIndex.put. Several writers do no harm: the server compares versions.

        After an answer that was lost on its way, the next put counts as outdated what had arrived.
        Raises: Unavailable when the server is away or goes on refusing; Invalid naming the books that it
        can't index, when all others are.
        """
        if not self._writable:
            raise Conflict("this search index was opened for reading; open it with writable=True")
        latest = keep_newest(changes)
        known = self._read_known_versions(list(latest)) if self._met_outdated else {}
        items = [
            to_bulk_item(change) for key, change in latest.items() if change.version > known.get(key, -1)
        ]
        self._met_outdated = len(items) < len(latest)
        newer = write_items(self._connection, self._alias, items, patience=self._retry_policy)
        self._met_outdated |= newer < len(items)
        return newer

    def search(self, query: SearchQuery) -> SearchPage:
        """As SearchIndex.query; `limit` 0 asks for total and facets alone."""
        wanted = build_plan(query)
        answer = self._send_search(build_search_request(query, wanted))
        hits = [SearchHit(to_book(hit), hit["_score"] or 0.0) for hit in answer["hits"]["hits"]]
        found = {name: _read_counts(answer["aggregations"][name]["values"]) for name in FACETS}
        return SearchPage(hits, answer["hits"]["total"]["value"], found)

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """As SearchIndex.suggest; at most 100."""
        words = tokenize_query(text)
        limit = min(limit, MAX_SUGGESTIONS)
        if not words or limit < 1:
            return []
        categories = self._send_search(build_categories_request(words))["aggregations"]["category"]
        titles = self._send_search(build_titles_request(words, limit=TITLES_PER_SUGGESTION * limit))["hits"][
            "hits"
        ]
        return choose_suggestions(
            words, _read_counts(categories), map(read_id_and_title, titles), limit=limit
        )

    def read_versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """As SearchIndex.versions; of one moment, however long the reading takes."""
        with self._connection.translate_errors():
            moment = self._connection.client.open_point_in_time(index=self._alias, keep_alive=_KEPT)["id"]
        try:
            after: Sequence[Any] | None = None
            while hits := self._read_page(moment, after):
                yield from map(read_version, hits)
                after = hits[-1]["sort"]
        finally:
            with suppress(ApiError, TransportError):  # it ends by itself
                self._connection.client.close_point_in_time(id=moment)

    def close(self) -> None:
        """As SearchIndex.close."""
        self._connection.close()

    def _read_known_versions(self, ids: Sequence[BookId]) -> Mapping[str, int]:
        """Versions of those that are there.

        Where one outdated change was there are mostly more, as in a replay: asking first is several times
        cheaper than making documents that are refused.
        """
        if not ids:
            return {}
        with self._connection.translate_errors():
            answer = self._connection.reading.mget(
                index=self._alias, ids=ids, source=False, filter_path=["docs._id", "docs._version"]
            )
        return {told["_id"]: told["_version"] for told in answer["docs"] if "_version" in told}

    def _read_page(self, moment: str, after: Sequence[Any] | None) -> list[HitDocument]:
        request: Dsl = {
            "pit": {"id": moment, "keep_alive": _KEPT},
            "sort": ["_shard_doc"],
            "size": _CHUNK,
            "docvalue_fields": ["version", "deleted"],
            "_source": False,
            "track_total_hits": False,
        }
        if after is not None:
            request["search_after"] = after
        with self._connection.translate_errors():
            answer = self._connection.reading.search(body=request, allow_partial_search_results=False)
        hits: list[HitDocument] = answer["hits"]["hits"]
        return hits

    def _send_search(self, request: Dsl) -> Dsl:
        """A part of the answer is no answer: books would seem to be missing."""
        with self._connection.translate_errors():
            answer = self._connection.reading.search(
                index=self._alias, body=request, allow_partial_search_results=False
            )
        body: Dsl = answer.body
        return body


def _read_counts(terms: Dsl) -> dict[str, int]:
    """Most frequent first, then by value, as the server puts them."""
    return {str(bucket["key"]): bucket["doc_count"] for bucket in terms["buckets"]}
