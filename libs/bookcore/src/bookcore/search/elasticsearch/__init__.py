"""Elasticsearch 9: an alias that every client uses, and an index behind it.

Each document stores the whole book as JSON beside its words; the book's version is the document's external
version, so that the server rejects older writes. A removed book leaves a tombstone with its version.
"""

from bookcore.search import IndexRebuild, SearchIndex
from bookcore.search.elasticsearch.connection import Connection, parse_address
from bookcore.search.elasticsearch.index import ElasticsearchIndex
from bookcore.search.elasticsearch.layout import ensure_index
from bookcore.search.elasticsearch.rebuild import ElasticsearchRebuild, swap_aliases


def open_index(url: str, *, writable: bool) -> SearchIndex:
    """`elasticsearch[+https]://[user:password@]host:port/ALIAS`, with https the options of `kit.tls`; readers
    also create the index if absent.

    Raises: Invalid when the URL, the user or the server's version is wrong, Unavailable when the server does
    not answer, OutdatedIndex when the index was created by another version.
    """
    connection = Connection(parse_address(url))
    try:
        ensure_index(connection)
    except BaseException:
        connection.close()
        raise
    return ElasticsearchIndex(connection, connection.address.alias, writable=writable)


def open_rebuild(url: str) -> IndexRebuild:
    """Builds in a second index, to which the alias is moved.

    Raises: Invalid and Unavailable like open_index.
    """
    connection = Connection(parse_address(url))
    try:
        return ElasticsearchRebuild(connection)
    except BaseException:
        connection.close()
        raise


def restore_replaced(url: str) -> None:
    """By moving the alias; readers and writers continue."""
    connection = Connection(parse_address(url))
    try:
        swap_aliases(connection)
    finally:
        connection.close()
