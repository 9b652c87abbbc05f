"""Elasticsearch 9: an alias that everybody names, and an index behind it.

Each document keeps the whole book as JSON beside its words; the book's version is the document's, so that the
server refuses what is older. A removed book stays as a mark with its version.
"""

from bookcore.search import IndexRebuild, SearchIndex
from bookcore.search.elasticsearch.connection import Connection, parse_address
from bookcore.search.elasticsearch.index import ElasticsearchIndex
from bookcore.search.elasticsearch.layout import ensure_index
from bookcore.search.elasticsearch.rebuild import ElasticsearchRebuild


def open_index(url: str, *, writable: bool) -> SearchIndex:
    """`elasticsearch://[user:password@]host:port/ALIAS`; readers, too, make the index when it isn't there.

    Raises: Invalid when the URL, the user or the server's version is wrong, Unavailable when nobody answers,
    Conflict when the index is of another version's make.
    """
    connection = Connection(parse_address(url))
    try:
        ensure_index(connection)
    except BaseException:
        connection.close()
        raise
    return ElasticsearchIndex(connection, connection.address.alias, writable=writable)


def open_rebuild(url: str) -> IndexRebuild:
    """Builds in another index, to which the alias is moved.

    Raises: Invalid and Unavailable as open_index.
    """
    connection = Connection(parse_address(url))
    try:
        return ElasticsearchRebuild(connection)
    except BaseException:
        connection.close()
        raise
