"""Reads and writes through one alias."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from elasticsearch import ApiError, TransportError

from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict
from bookcore.search import SearchPage, SearchQuery, SimilarBook, Suggestion
from bookcore.search.documents import Change, keep_newest
from bookcore.search.elasticsearch.bulk import RetryPolicy, write_items
from bookcore.search.elasticsearch.connection import Connection
from bookcore.search.elasticsearch.documents import (
    HitDocument,
    read_id_and_title,
    read_version,
    to_bulk_item,
)
from bookcore.search.elasticsearch.layout import Dsl
from bookcore.search.elasticsearch.queries import aggregate_terms, match_living, translate
from bookcore.search.elasticsearch.view import ElasticsearchView, read_counts
from bookcore.search.query_plan import build_category_prefixes, build_title_prefixes
from bookcore.search.ranked import search_ranked
from bookcore.search.similar import find_similar
from bookcore.search.suggestions import (
    MAX_SUGGESTIONS,
    TITLES_PER_SUGGESTION,
    add_ranked_suggestions,
    choose_suggestions,
)
from bookcore.search.text import tokenize_query

_CHUNK = 5_000
_KEPT = "5m"  # lifetime of a point in time, renewed by each page


class ElasticsearchIndex:
    """Uses the alias in every request, so that it follows when the alias moves to another index."""

    def __init__(
        self, connection: Connection, alias: str, *, writable: bool, patience: RetryPolicy | None = None
    ) -> None:
        self._connection = connection
        self._alias = alias
        self._writable = writable
        self._retry_policy = patience or RetryPolicy()
        self._met_outdated = False

    def put(self, changes: Sequence[Change]) -> int:
        """Safe with several writers: the server compares versions.

        After a lost response, the next put counts the stored items as outdated. Raises: Unavailable when the
        server is unreachable or keeps failing; UnindexableBooks after indexing the others.
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
        """`limit` 0 returns total and facets only."""
        return search_ranked(ElasticsearchView(self._connection, self._alias), query)

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """At most 100."""
        words = tokenize_query(text)
        limit = min(limit, MAX_SUGGESTIONS)
        if not words or limit < 1:
            return []
        categories = self._send_search(_request_categories(words))["aggregations"]["category"]
        titles = self._send_search(_request_titles(words, limit=TITLES_PER_SUGGESTION * limit))
        chosen = choose_suggestions(
            words, read_counts(categories), map(read_id_and_title, titles["hits"]["hits"]), limit=limit
        )
        view = ElasticsearchView(self._connection, self._alias)
        return add_ranked_suggestions(view, text, chosen, limit=limit)

    def find_similar(self, book_id: BookId, *, limit: int) -> Sequence[SimilarBook]:
        return find_similar(ElasticsearchView(self._connection, self._alias), book_id, limit=limit)

    def read_versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """A consistent snapshot (point in time), however long the reading takes."""
        with self._connection.translate_errors():
            moment = self._connection.client.open_point_in_time(index=self._alias, keep_alive=_KEPT)["id"]
        try:
            after: Sequence[Any] | None = None
            while hits := self._read_page(moment, after):
                yield from map(read_version, hits)
                after = hits[-1]["sort"]
        finally:
            with suppress(ApiError, TransportError):  # it expires
                self._connection.client.close_point_in_time(id=moment)

    def close(self) -> None:
        self._connection.close()

    def _read_known_versions(self, ids: Sequence[BookId]) -> Mapping[str, int]:
        """Versions of the stored ids.

        After one outdated change most others are outdated too, as in a replay: asking first is several times
        cheaper than building documents that are rejected.
        """
        if not ids:
            return {}
        with self._connection.translate_errors():
            answer = self._connection.reading.mget(
                index=self._alias, ids=ids, source=False, filter_path=["docs._id", "docs._version"]
            )
        return {
            document["_id"]: document["_version"] for document in answer["docs"] if "_version" in document
        }

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
        """Partial results are an error: books would seem to be missing."""
        with self._connection.translate_errors():
            answer = self._connection.reading.search(
                index=self._alias, body=request, allow_partial_search_results=False
            )
        body: Dsl = answer.body
        return body


def _request_titles(words: Sequence[str], *, limit: int) -> Dsl:
    return {
        "query": match_living(translate(build_title_prefixes(words)), []),
        "sort": ["_score", {"tie": "asc"}],
        "size": limit,
        "_source": ["state.title"],
        "track_total_hits": False,
    }


def _request_categories(words: Sequence[str]) -> Dsl:
    return {
        "query": match_living(translate(build_category_prefixes(words)), []),
        "aggs": {"category": aggregate_terms("category")},
        "size": 0,
    }
