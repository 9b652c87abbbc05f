"""A second index beside the living one, and the one request in which the alias moves to it.

While it is built it has the alias `ALIAS-rebuilding`; the index that it replaces has `ALIAS-replaced` until
it is deleted. By these two a later rebuild finds what a killed one left.
"""

from contextlib import suppress

from elasticsearch import ApiError, NotFoundError, TransportError

from bookcore.domain.errors import Conflict
from bookcore.search import SearchIndex
from bookcore.search.elasticsearch.connection import Connection
from bookcore.search.elasticsearch.index import ElasticsearchIndex
from bookcore.search.elasticsearch.layout import create_index, get_index_name


class ElasticsearchRebuild:
    """The living index takes reads and writes all the time. A second rebuild takes the place of the first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._alias = connection.address.alias
        self._building = f"{self._alias}-rebuilding"
        self._replaced = f"{self._alias}-replaced"
        with connection.translate_errors():
            self._delete(self._building)
            self._delete(self._replaced)
            if not create_index(connection, self._building):
                raise Conflict(f"another rebuild of {connection.address.display} begins at this moment")
            self._name = get_index_name(connection, self._building)
        self._index = ElasticsearchIndex(connection, self._building, writable=True)

    @property
    def index(self) -> SearchIndex:
        """As Rebuild.index."""
        return self._index

    def swap(self) -> None:
        """As Rebuild.swap; may be repeated when the answer was lost.

        Raises: Conflict when another rebuild has begun since.
        """
        with self._connection.translate_errors():
            old = get_index_name(self._connection, self._alias)
            if old != self._name:
                self._move(old)
        self._index = ElasticsearchIndex(self._connection, self._alias, writable=True)

    def delete_old(self) -> None:
        """As Rebuild.retire. A write that is under way to the old index is sent again, to the new one."""
        with self._connection.translate_errors():
            self._delete(self._replaced)

    def discard(self) -> None:
        """As Rebuild.discard; what a server that is away keeps, the next rebuild deletes."""
        with suppress(ApiError, TransportError, Conflict):
            if get_index_name(self._connection, self._building) == self._name:
                self._delete(self._building)
        self._connection.close()

    def _move(self, old: str | None) -> None:
        actions = [
            {"remove": {"index": self._name, "alias": self._building, "must_exist": True}},
            {"add": {"index": self._name, "alias": self._alias, "is_write_index": True}},
        ]
        if old is not None:
            actions += [
                {"remove": {"index": old, "alias": self._alias, "must_exist": True}},
                {"add": {"index": old, "alias": self._replaced}},
            ]
        try:
            self._connection.client.indices.update_aliases(actions=actions)
        except NotFoundError as error:
            raise Conflict(
                f"another rebuild of {self._connection.address.display} has begun or ended since; start again"
            ) from error

    def _delete(self, alias: str) -> None:
        name = get_index_name(self._connection, alias)
        if name is not None:
            self._connection.client.indices.delete(index=name, ignore_unavailable=True)
