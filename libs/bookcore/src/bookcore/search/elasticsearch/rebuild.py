"""Builds a second index beside the live one; one request moves the alias to it.

The new index has the alias `ALIAS-rebuilding`; the replaced index has `ALIAS-replaced` until it is
deleted, or the next one is replaced. A later rebuild finds the leftovers of a killed one by the first.
"""

from contextlib import suppress

from elasticsearch import ApiError, NotFoundError, TransportError

from bookcore.domain.errors import Conflict, NotFound
from bookcore.search import SearchIndex
from bookcore.search.elasticsearch.connection import Connection
from bookcore.search.elasticsearch.index import ElasticsearchIndex
from bookcore.search.elasticsearch.layout import check_fingerprint, create_index, get_index_name


class ElasticsearchRebuild:
    """The live index serves reads and writes throughout. A second rebuild supersedes the first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._alias = connection.address.alias
        self._building = f"{self._alias}-rebuilding"
        self._replaced = f"{self._alias}-replaced"
        with connection.translate_errors():
            self._delete(self._building)
            if not create_index(connection, self._building):
                raise Conflict(f"another rebuild of {connection.address.display} begins at this moment")
            self._name = get_index_name(connection, self._building)
        self._index = ElasticsearchIndex(connection, self._building, writable=True)

    @property
    def index(self) -> SearchIndex:
        return self._index

    def swap(self) -> None:
        """May be repeated after a lost response.

        Raises: Conflict when another rebuild has started since.
        """
        with self._connection.translate_errors():
            old = get_index_name(self._connection, self._alias)
            if old != self._name:
                self._delete(self._replaced)
                self._move(old)
        self._index = ElasticsearchIndex(self._connection, self._alias, writable=True)

    def delete_old(self) -> None:
        """A concurrent write to the old index is retried on the new one."""
        with self._connection.translate_errors():
            self._delete(self._replaced)

    def discard(self) -> None:
        """Leftovers on an unreachable server are deleted by the next rebuild."""
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


def swap_aliases(connection: Connection) -> None:
    """The live index and the one that the last swap replaced, in one request.

    Raises: NotFound without the latter, OutdatedIndex when another version made it.
    """
    alias = connection.address.alias
    replaced = f"{alias}-replaced"
    with connection.translate_errors():
        live, old = (get_index_name(connection, name) for name in (alias, replaced))
        if old is None or live is None:
            raise NotFound(f"no index of before a rebuild of {connection.address.display} is kept")
        check_fingerprint(connection, replaced)
        connection.client.indices.update_aliases(
            actions=[
                {"remove": {"index": live, "alias": alias, "must_exist": True}},
                {"remove": {"index": old, "alias": replaced, "must_exist": True}},
                {"add": {"index": old, "alias": alias, "is_write_index": True}},
                {"add": {"index": live, "alias": replaced}},
            ]
        )
